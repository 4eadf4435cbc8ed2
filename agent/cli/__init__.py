"""The command `limpet`: one file for each of its commands. No other room imports this one."""
