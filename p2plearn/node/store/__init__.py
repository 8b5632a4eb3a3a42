"""What is on the disk: records and everything derived from them in SQLite, attachments as blocks. Knows no peers and no views."""
