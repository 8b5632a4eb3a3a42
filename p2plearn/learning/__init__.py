"""What the records mean to people: order-free folds of a set of records into views. Pure; knows only `protocol`."""
