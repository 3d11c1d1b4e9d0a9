"""Plans writes: rows, values, steps, states, reconciliation."""
