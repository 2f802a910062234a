"""`lparvm trace timeline`, `spacetime`, `map`, `downtime`, `report`: pictures and the page that has them all."""
