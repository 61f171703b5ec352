"""EPCIS 2.0 (ISO/IEC 19987) with the Core Business Vocabulary 2.0 (ISO/IEC 19988): events read, written, asked for."""
