"""`lparvm trace show`, `format`, `summary`, `why`, `effects`, `frame`, `page`, `diff`: reading by eye."""
