"""From a due sensor to a `Batch`: what is read when, behind which breaker, and what the outcome means."""
