"""The structured trace: vocabulary, writer, reader and the rule checkers."""
