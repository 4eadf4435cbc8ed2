"""The laws that every driver keeps: told is felt, and through every fault the truth or an error."""
