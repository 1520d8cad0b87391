"""What a record is: how its texts compare, who it is about."""
