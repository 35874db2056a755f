//! The thread that talks to a broker. It never ends by itself: what is lost is tried again. It shares with the router's
//! thread an [`Outbox`], the topics to subscribe to, and a bounded queue of what comes in.

use std::any::Any;
use std::collections::HashSet;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::ClientConfig;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::broker::{Broker, Version};
use super::line::{self, Happening, Line, Lost, Requests};
use super::outbox::{Message, Outbox};
use crate::io::Waker;

/// How long after a loss the connection is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// How long the last messages and the goodbye may take.
const GRACE: Duration = Duration::from_millis(500);
/// How many messages wait for the router. When it is full, the connection is not read.
pub(super) const QUEUE: usize = 1024;
/// The longest payload that is taken, in bytes: a number or a configured text.
const LONGEST_PAYLOAD: usize = 4096;

type Topics = Arc<HashSet<Arc<str>>>;

/// A message that came in.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

#[derive(Default)]
struct Work {
    outbox: Outbox,
    topics: Topics,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    changed: Notify,
}

impl Shared {
    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The router's end.
pub(super) struct Client {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    incoming: mpsc::Receiver<Incoming>,
    waker: Waker,
    thread: JoinHandle<()>,
}

impl Client {
    /// Starts a thread that connects and stays connected. The waker is called when something comes in.
    pub(super) fn start(name: &str, broker: Broker, tls: Option<Arc<ClientConfig>>, waker: Waker) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::<Shared>::default();
        let (stop, stopped) = watch::channel(false);
        let (sender, incoming) = mpsc::channel(QUEUE);
        let mut worker = Worker {
            name: name.to_owned(),
            broker,
            tls,
            shared: shared.clone(),
            stopped,
            incoming: sender,
            waker: waker.clone(),
            loss_known: false,
        };
        let thread = thread::Builder::new().name(format!("mqtt {name}")).spawn(move || worker.run(runtime))?;
        Ok(Self { shared, stop, incoming, waker, thread })
    }

    /// Says which topics to be subscribed to from now on.
    pub(super) fn subscribe(&self, topics: HashSet<Arc<str>>) {
        self.shared.work().topics = Arc::new(topics);
        self.shared.changed.notify_one();
    }

    pub(super) fn publish(&self, messages: impl Iterator<Item = Message>) {
        let mut work = self.shared.work();
        messages.for_each(|it| work.outbox.push(it));
        drop(work);
        self.shared.changed.notify_one();
    }

    /// What came in, at most as much as the queue holds; if there may be more, the router is woken again.
    pub(super) fn received(&mut self, messages: &mut Vec<Incoming>) {
        while let Ok(message) = self.incoming.try_recv() {
            messages.push(message);
            if messages.len() == QUEUE {
                self.waker.wake();
                return;
            }
        }
    }

    /// Has the thread say goodbye and end, soon after [`GRACE`] at the latest.
    pub(super) fn stop(self) -> JoinHandle<()> {
        self.stop.send_replace(true);
        self.shared.changed.notify_one();
        self.thread
    }
}

/// The thread's end.
struct Worker {
    name: String,
    broker: Broker,
    tls: Option<Arc<ClientConfig>>,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
    incoming: mpsc::Sender<Incoming>,
    waker: Waker,
    /// So that a loss is told once.
    loss_known: bool,
}

impl Worker {
    fn run(&mut self, runtime: Runtime) {
        loop {
            // Should the library fail on what a broker sends, that must not end more than the connection.
            let ended = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(self.attempt())));
            match ended.unwrap_or_else(|panic| Err(Lost::because(panic_text(&*panic)))) {
                Ok(()) => break,
                Err(lost) => self.tell(&lost),
            }
            let mut stopped = self.stopped.clone();
            if runtime.block_on(async { timeout(RETRY, until(&mut stopped)).await }).is_ok() {
                break;
            }
        }
        // A name that is being looked up is not waited for.
        runtime.shutdown_background();
    }

    fn tell(&mut self, lost: &Lost) {
        let Self { name, broker, .. } = self;
        let level = if std::mem::replace(&mut self.loss_known, true) { log::Level::Debug } else { log::Level::Warn };
        log::log!(
            level,
            "{name}: no connection to {broker}: {}; trying again every {} seconds",
            lost.reason,
            RETRY.as_secs()
        );
    }

    /// One connection; if its version seems to be refused, another with the older one.
    async fn attempt(&mut self) -> Result<(), Lost> {
        match self.session(self.broker.version).await {
            Err(lost) if lost.version_refused && self.broker.version == Version::V5 => {
                log::debug!("{}: {} with version 5; trying 3.1.1", self.name, lost.reason);
                self.session(Version::V3).await
            }
            ended => ended,
        }
    }

    /// One connection, from its beginning to its end: Ok if it was asked to end.
    async fn session(&mut self, version: Version) -> Result<(), Lost> {
        let (requests, mut line) = line::prepare(&self.broker, version, self.tls.clone());
        let mut stopped = self.stopped.clone();
        tokio::select! {
            first = line.poll() => first?,
            () = until(&mut stopped) => return Ok(()),
        };
        log::info!("{}: connected to {}, version {version:?}", self.name, self.broker);
        self.loss_known = false;
        self.shared.work().outbox.keep_newest();
        let ended = tokio::select! {
            ended = self.serve(&requests, &mut line) => ended,
            () = async { until(&mut stopped).await; sleep(GRACE).await } => Ok(()),
        };
        self.shared.work().outbox.put_back(line.take_back().into_iter());
        // Once connected, the version was right.
        ended.map_err(|lost| Lost { version_refused: false, ..lost })
    }

    async fn serve(&self, requests: &Requests, line: &mut Line) -> Result<(), Lost> {
        let mut feed = Feed {
            requests,
            urgent: self.shared.work().outbox.len(),
            subscribed: HashSet::new(),
            up_to_date: None,
            goodbye: false,
        };
        loop {
            match self.next(&mut feed, line).await? {
                Happening::Message { payload, topic } if payload.len() > LONGEST_PAYLOAD => {
                    log::debug!("{}: a payload of {} bytes on {topic} is ignored", self.name, payload.len());
                }
                Happening::Message { topic, payload } => {
                    if self.incoming.send(Incoming { topic, payload }).await.is_err() {
                        // The router has gone; there is nobody to talk for.
                        return Ok(());
                    }
                    self.waker.wake();
                }
                Happening::Disconnected => return Ok(()),
                Happening::Connected | Happening::Other => {}
            }
        }
    }

    /// Feeds the line until something happens on it.
    async fn next(&self, feed: &mut Feed<'_>, line: &mut Line) -> Result<Happening, Lost> {
        let patience = line.patience();
        // One poll is kept over all the feeding: a poll that is dropped may lose what it has half done.
        let mut happening = pin!(timeout(patience, line.poll()));
        loop {
            feed.feed(&mut self.shared.work(), *self.stopped.borrow());
            tokio::select! {
                happening = &mut happening => return happening.unwrap_or_else(|_| Err(Lost::because("no answer"))),
                () = self.shared.changed.notified() => {}
            }
        }
    }
}

/// Hands work to the library as long as that has room.
struct Feed<'a> {
    requests: &'a Requests,
    /// How many messages to publish before subscribing: what was waiting for the connection is newer than what the broker
    /// retained, and must not be answered with that.
    urgent: usize,
    subscribed: HashSet<Arc<str>>,
    /// The topics that `subscribed` is equal to.
    up_to_date: Option<Topics>,
    goodbye: bool,
}

impl Feed<'_> {
    fn feed(&mut self, work: &mut Work, stopping: bool) {
        loop {
            if self.urgent == 0 && !self.subscribe(&work.topics) {
                return;
            }
            let Some(message) = work.outbox.pop() else { break };
            if !self.requests.publish(&message) {
                work.outbox.put_back(std::iter::once(message));
                return;
            }
            self.urgent = self.urgent.saturating_sub(1);
        }
        self.urgent = 0;
        if stopping && !self.goodbye {
            self.goodbye = self.requests.disconnect();
        }
    }

    /// Whether all subscriptions are as they should be.
    fn subscribe(&mut self, topics: &Topics) -> bool {
        if self.up_to_date.as_ref().is_some_and(|it| Arc::ptr_eq(it, topics)) {
            return true;
        }
        for topic in topics.iter() {
            if !self.subscribed.contains(topic) {
                if !self.requests.subscribe(topic) {
                    return false;
                }
                self.subscribed.insert(topic.clone());
            }
        }
        let requests = self.requests;
        self.subscribed.retain(|it| topics.contains(it) || !requests.unsubscribe(it));
        if self.subscribed.len() > topics.len() {
            return false;
        }
        self.up_to_date = Some(topics.clone());
        true
    }
}

/// Waits for the order to stop, or the loss of who could give it.
async fn until(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|it| *it).await;
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the MQTT library failed ({}); please report this", text.unwrap_or("no text"))
}

#[cfg(test)]
mod tests {
    use rumqttc::Request;

    use super::*;

    fn feed(requests: &Requests, urgent: usize) -> Feed<'_> {
        Feed { requests, urgent, subscribed: HashSet::new(), up_to_date: None, goodbye: false }
    }

    fn work(topics: &[&str], messages: &[&str]) -> Work {
        let mut work = Work { topics: Arc::new(topics.iter().map(|it| Arc::from(*it)).collect()), ..Work::default() };
        for topic in messages {
            work.outbox.push(Message { topic: Arc::from(*topic), payload: "1".to_owned() });
        }
        work
    }

    fn prepare() -> (Requests, Line) {
        let broker = Broker { host: "localhost".to_owned(), client_id: "test".to_owned(), ..Broker::default() };
        line::prepare(&broker, Version::V3, None)
    }

    /// What the library was asked for, in order.
    fn asked(line: &mut Line) -> Vec<String> {
        let Line::V3(line) = line else { unreachable!("it was made so") };
        line.clean();
        let asked = line.pending.drain(..).map(|it| match it {
            Request::Publish(it) => format!("publish {}", it.topic),
            Request::Subscribe(it) => format!("subscribe {}", it.filters[0].path),
            Request::Unsubscribe(it) => format!("unsubscribe {}", it.topics[0]),
            other => format!("{other:?}"),
        });
        asked.collect()
    }

    #[test]
    fn what_waited_for_the_connection_goes_before_subscriptions() {
        let (requests, mut line) = prepare();
        let mut work = work(&["in"], &["a", "b", "c"]);
        feed(&requests, 2).feed(&mut work, true);
        assert_eq!(asked(&mut line), ["publish a", "publish b", "subscribe in", "publish c", "Disconnect(Disconnect)"]);
    }

    #[test]
    fn subscriptions_follow_the_map() {
        let (requests, mut line) = prepare();
        let mut feed = feed(&requests, 0);
        feed.feed(&mut work(&["a"], &[]), false);
        assert_eq!(asked(&mut line), ["subscribe a"]);
        feed.feed(&mut work(&["b"], &[]), false);
        assert_eq!(asked(&mut line), ["subscribe b", "unsubscribe a"]);
        feed.feed(&mut work(&["b"], &[]), false);
        assert!(asked(&mut line).is_empty());
    }

    #[test]
    fn without_room_the_rest_waits() {
        let (requests, mut line) = prepare();
        let topics: Vec<String> = (0..300).map(|it| it.to_string()).collect();
        let mut work = work(&topics.iter().map(String::as_str).collect::<Vec<_>>(), &["a", "b"]);
        let mut feed = feed(&requests, 1);
        let mut all = Vec::new();
        for _ in 0..10 {
            feed.feed(&mut work, false);
            all.extend(asked(&mut line));
        }
        assert_eq!(all.len(), 302);
        assert_eq!((all[0].as_str(), all[301].as_str()), ("publish a", "publish b"));
    }
}
