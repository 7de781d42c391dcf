//! The interface of the reservation service.

pub mod access;
pub mod attendance;
pub mod availability;
pub mod charges;
pub mod closures;
pub mod commands;
pub mod contact;
pub mod devices;
pub mod erasures;
pub mod feed;
pub mod floor;
pub mod history;
pub mod imports;
pub mod operations;
pub mod overrides;
pub mod personal_data;
pub mod queries;
pub mod results;
pub mod roles;
pub mod sessions;
pub mod staff;
pub mod stats;
pub mod venues;
pub mod view;
pub mod waitlist;
pub mod words;
