"""What pages and sentences say of an overlap."""
