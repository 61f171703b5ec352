"""The record, the log's mathematics, evidence and its verification. Pure."""
