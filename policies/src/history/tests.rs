//! What changes lead to, change by change; and the laws.
