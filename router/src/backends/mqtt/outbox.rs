//! What is to be published: in order, and bounded. When it is full, or after a time without a connection, only the newest
//! value of each topic is left.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// How many messages wait before older values of a topic are dropped.
const ROOM: usize = 1024;

/// A payload for a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) topic: Arc<str>,
    pub(super) payload: String,
}

#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Message>,
    room: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { queue: VecDeque::new(), room: ROOM }
    }
}

impl Outbox {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn push(&mut self, message: Message) {
        if self.queue.len() >= self.room {
            self.keep_newest();
            // Room for as much again, so that a map with many topics does not sort them out at each push.
            self.room = ROOM.max(2 * self.queue.len());
        }
        self.queue.push_back(message);
    }

    pub(super) fn pop(&mut self) -> Option<Message> {
        self.queue.pop_front()
    }

    /// Puts back what was taken and has not arrived, oldest first.
    pub(super) fn put_back(&mut self, messages: impl DoubleEndedIterator<Item = Message>) {
        for message in messages.rev() {
            self.queue.push_front(message);
        }
    }

    /// Drops all values of a topic but the last.
    pub(super) fn keep_newest(&mut self) {
        let mut seen = HashSet::new();
        let mut newest: VecDeque<Message> = VecDeque::new();
        while let Some(message) = self.queue.pop_back() {
            if seen.insert(message.topic.clone()) {
                newest.push_front(message);
            }
        }
        self.queue = newest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(topic: &str, payload: impl ToString) -> Message {
        Message { topic: topic.into(), payload: payload.to_string() }
    }

    fn rest(outbox: &mut Outbox) -> Vec<Message> {
        std::iter::from_fn(|| outbox.pop()).collect()
    }

    #[test]
    fn with_room_all_values_are_kept_in_order() {
        let mut outbox = Outbox::default();
        for value in [1, 0, 1] {
            outbox.push(message("a", value));
        }
        assert_eq!(rest(&mut outbox), [message("a", 1), message("a", 0), message("a", 1)]);
    }

    #[test]
    fn when_full_the_newest_value_of_each_topic_is_left() {
        let mut outbox = Outbox::default();
        outbox.push(message("b", "first"));
        for value in 0..=ROOM {
            outbox.push(message("a", value));
        }
        assert!(outbox.len() <= ROOM);
        let rest = rest(&mut outbox);
        assert_eq!(rest.first(), Some(&message("b", "first")));
        assert_eq!(rest.last(), Some(&message("a", ROOM)));
    }

    #[test]
    fn it_is_bounded_by_the_number_of_topics() {
        let mut outbox = Outbox::default();
        for round in 0..10 {
            for topic in 0..2000 {
                outbox.push(message(&topic.to_string(), round));
            }
        }
        assert!(outbox.len() <= 4000, "{}", outbox.len());
    }

    #[test]
    fn what_is_put_back_is_older() {
        let mut outbox = Outbox::default();
        outbox.push(message("a", "new"));
        outbox.put_back([message("b", 1), message("a", "old")].into_iter());
        outbox.keep_newest();
        assert_eq!(rest(&mut outbox), [message("b", 1), message("a", "new")]);
    }
}
