//! Money and bookings held against each other.
