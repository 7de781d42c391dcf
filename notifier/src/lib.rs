//! What Meja does outside: deposits taken, messages sent, results posted back.
//!
//! In reading order: [`effect`] is something to be done, with a key that makes it happen once;
//! [`reaction`] says which effects an event has, pure; [`journal`] is what the notifier writes down
//! and [`outbox`] what that adds up to; [`follow`] polls the feed, [`worker`] performs what is due
//! through [`perform`], the [`gateway`]s and [`upstream`], with a [`breaker`] for each; [`watch`] looks after open
//! payments, [`hooks`] are the restaurant's own systems that are told, [`reconcile`] holds the provider's books against both logs, [`decider`] is the simulated guest's mind;
//! [`messages`] are the words; [`http`] is the door, [`command`] what operators ask; [`config`] and [`app`] put it
//! together.

pub mod app;
pub mod breaker;
pub mod channels;
pub mod command;
pub mod config;
pub mod decider;
pub mod effect;
pub mod failpoint;
pub mod follow;
pub mod gateway;
pub mod hooks;
pub mod http;
pub mod journal;
pub mod messages;
pub mod outbox;
pub mod payment;
pub mod perform;
pub mod reaction;
pub mod reconcile;
pub mod throttle;
pub mod tills;
pub mod upstream;
pub mod watch;
pub mod worker;
