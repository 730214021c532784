"""What modules import of the code that gathers facts: the part that reads files."""
