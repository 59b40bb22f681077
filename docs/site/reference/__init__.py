"""The parts of docs/ that come from the code: `make reference` writes them, and a test compares them."""
