"""What households are owed, to whom it is paid, and what became of it."""
