//! A group under construction, and the requests that wait for it.

use super::super::engine::{Forgotten, NewGroup, Span, Tail};
use super::super::frame::{ChainHash, ConfidentialPayloads, Group, GroupBuilder, chain};
use super::super::groups::Chain;
use super::super::{AppendError, Appended};
use super::request::Request;
use crate::ids::Position;
use crate::query::{Query, Tag};

/// A group under construction.
pub(super) struct Staged {
    first: Position,
    next: Position,
    chain: ChainHash,
    group: GroupBuilder,
    confidential: ConfidentialPayloads,
    forgets: Vec<Position>,
    answers: Answers,
}

/// The requests that are answered when the outcome of their group is known.
#[derive(Default)]
pub(super) struct Answers {
    appended: Vec<(Request, Appended)>,
    /// Requests whose condition excludes the event of the group at this position.
    excluded: Vec<(Request, Position)>,
}

/// A complete group, before its commit.
pub(super) struct Ready {
    pub(super) group: Group,
    pub(super) new: NewGroup,
    pub(super) answers: Answers,
}

impl Staged {
    /// An empty group behind `chain`.
    pub(super) fn behind(chain: &Chain) -> Self {
        let first = chain.last().next();
        Self {
            first,
            next: first,
            chain: chain.hash(),
            group: GroupBuilder::default(),
            confidential: Vec::new(),
            forgets: Vec::new(),
            answers: Answers::default(),
        }
    }

    /// The position of the next event.
    pub(super) fn next(&self) -> Position {
        self.next
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.answers.appended.is_empty()
    }

    /// Adds the events of `request`, whose condition holds.
    pub(super) fn push(&mut self, mut request: Request) {
        let first = self.next;
        for (event, envelope) in request.events.iter().zip(&mut request.envelopes) {
            let json = envelope.stamp(self.next);
            self.chain = chain(&self.chain, json);
            self.group.push(&self.chain, json, event.event_type, &event.tags, &event.forgets);
            if let Some(payload) = &event.confidential {
                self.confidential.push((self.next, payload.clone()));
            }
            self.forgets.extend(&event.forgets);
            self.next = self.next.next();
        }
        self.group.close_append(&request.condition);
        let appended = Appended { first, last: Position(self.next.0 - 1) };
        self.answers.appended.push((request, appended));
    }

    /// Adds `request`, whose condition excludes the event of this group at `at`.
    pub(super) fn exclude(&mut self, request: Request, at: Position) {
        self.answers.excluded.push((request, at));
    }

    /// The first event of this group after `after` that `query` matches.
    pub(super) fn find(&self, query: &Query, after: Position) -> Option<Position> {
        let events = self.answers.appended.iter().flat_map(|(request, _)| &request.events);
        (self.first.0..).map(Position).zip(events).find_map(|(position, event)| {
            let tags = event.tags.iter().map(Tag::as_str);
            (position > after && query.matches(event.event_type, tags)).then_some(position)
        })
    }

    /// The complete group behind `tail`; `None` if its parts do not fit. `group_start` returns the first position of
    /// the group of an earlier event.
    pub(super) fn build(self, tail: Tail, group_start: impl Fn(Position) -> Position) -> Option<Ready> {
        let Self { first, next, chain, group, confidential, forgets, answers } = self;
        let (group, value) = group.build(first)?;
        let forgets = forgets.into_iter().map(|position| {
            let group = if position >= first { first } else { group_start(position) };
            Forgotten { position, group }
        });
        let span = Span { first, last: Position(next.0 - 1) };
        let forgets = forgets.collect();
        let new = NewGroup { behind: tail, span, hash: chain, value, confidential, forgets };
        Some(Ready { group, new, answers })
    }
}

impl Answers {
    /// Answers all requests after their group has become durable.
    pub(super) fn appended(self) {
        for (request, appended) in self.appended {
            request.acknowledge(appended);
        }
        for (request, at) in self.excluded {
            request.refuse(AppendError::Conflict { at });
        }
    }

    /// The requests, in the order in which they are staged again.
    pub(super) fn into_requests(self) -> Vec<Request> {
        let appended = self.appended.into_iter().map(|(request, _)| request);
        appended.chain(self.excluded.into_iter().map(|(request, _)| request)).collect()
    }
}
