//! The one door for people: pages for guests, and the interfaces of both services below one origin.
//!
//! The gateway keeps nothing but caches: it can be killed and restarted at any time, and several can run. In reading order:
//! [`cli`] has the settings, [`app`] what the routes share, [`proxy`] passes requests on unchanged, [`services`] calls the
//! services over gRPC, [`pages`] makes the pages, and [`routes`] puts them together.

pub mod app;
pub mod cli;
mod health;
pub mod pages;
mod position;
pub mod proxy;
pub mod routes;
pub mod serve;
pub mod services;
