"""Plans writes: values, steps, states, reconciliation."""
