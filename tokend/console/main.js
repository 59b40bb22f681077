// The console's entry.
