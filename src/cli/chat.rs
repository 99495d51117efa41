//! `tenfour chat`: talks in a channel from the terminal, or sends what comes through a pipe.
//!
//! Uses the client; knows nothing of the daemon's insides. In a terminal a slash begins a command; from a pipe each line
//! is a message, and it ends when all of them are stored.

mod book;
mod input;
mod screen;
#[cfg(test)]
mod tests;
mod text;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use tokio::sync::mpsc;

use crate::client::event::{Event, InvalidUrl, Stopped};
use crate::client::token::{TokenError, TokenSource};
use crate::client::{Client, Options, State};
use crate::domain::ids::ChannelId;

use book::Book;
use input::{Entered, HELP, Input};
use screen::{Line, Screen};

/// Messages that may wait before no more is read from a pipe.
const MAX_PENDING: usize = 500;

/// What to connect to, and as whom.
#[derive(Args)]
pub struct ChatOptions {
    /// The daemon's address.
    #[arg(long, default_value = "ws://127.0.0.1:8080/ws")]
    pub url: String,
    /// The token, as `tenfour token` prints it. Others on this machine may see it: prefer --token-file.
    #[arg(long, required_unless_present = "token_file", conflicts_with = "token_file")]
    pub token: Option<String>,
    /// A file that holds the token; read again at each connection and before the token expires.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The channel to join, by id or name. May be left out where there is only one.
    #[arg(long, value_name = "ID|NAME")]
    pub channel: Option<String>,
    /// How many of the last changes of the channel to show at the start.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub history: u32,
}

/// Shows no token.
impl fmt::Debug for ChatOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatOptions").field("url", &self.url).field("channel", &self.channel).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    #[error("{0}")]
    Url(#[from] InvalidUrl),
    #[error("a token is needed: --token TOKEN or --token-file FILE")]
    NoToken,
    #[error("{0}")]
    Stopped(Stopped),
    #[error("{0}; choose one with --channel")]
    NoChannel(String),
    #[error("cannot read the token from {}: {error}", file.display())]
    TokenFile { file: PathBuf, error: io::Error },
    #[error("messages that were refused or could not be sent: {0}")]
    Refused(usize),
    #[error(
        "messages that were never sent: {unsent}; sent without an answer, and stored or not: {unanswered}; refused: {refused}"
    )]
    Left { unsent: usize, unanswered: usize, refused: usize },
    #[error("cannot write to the output: {0}")]
    Output(#[from] io::Error),
}

/// Chats until the input ends, the user leaves, or the server refuses the token.
pub async fn run(options: ChatOptions) -> Result<(), ChatError> {
    let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let screen = Screen { terminal, out: io::stdout(), err: io::stderr() };
    let (sender, lines) = mpsc::channel(64);
    // A thread of its own: a read from a terminal cannot be given up, and must not keep the process from ending.
    std::thread::spawn(move || {
        input::read_lines(io::stdin().lock(), |line| sender.blocking_send(line).is_ok());
    });
    let left = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    chat(options, lines, screen, left).await
}

async fn chat<O: Write, E: Write>(
    options: ChatOptions,
    mut lines: mpsc::Receiver<Entered>,
    screen: Screen<O, E>,
    left: impl Future<Output = ()>,
) -> Result<(), ChatError> {
    let token = token_source(&options)?;
    let (client, mut events) = Client::start(Options::new(options.url, token))?;
    let (answers, mut answered) = mpsc::channel(16);
    let (channel, history, book) = (options.channel, options.history, Book::default());
    let mut chat =
        Chat { client, screen, book, channel, history, answers, begun: false, input_ended: false, leaving: false };
    tokio::pin!(left);
    chat.screen.prompt()?;
    while !chat.is_done() {
        let listening = chat.listens();
        tokio::select! {
            event = events.recv() => match event {
                Some(Event::Stopped { error }) => return Err(ChatError::Stopped(error)),
                Some(event) => chat.event(event).await?,
                None => return Err(ChatError::Stopped(Stopped::Closed)),
            },
            line = lines.recv(), if listening => match line {
                Some(Entered::Line(line)) => chat.line(&line).await?,
                Some(Entered::NotUtf8(number)) => chat.not_sent(&format!("line {number} is not UTF-8"))?,
                None => chat.input_ended = true,
            },
            Some(answer) = answered.recv() => chat.screen.show(&answer)?,
            () = &mut left => chat.leaving = true,
        }
    }
    chat.end().await
}

struct Chat<O, E> {
    client: Client,
    screen: Screen<O, E>,
    book: Book,
    channel: Option<String>,
    history: u32,
    /// Of requests that are carried out beside the conversation.
    answers: mpsc::Sender<Line>,
    /// The first connection has been made.
    begun: bool,
    input_ended: bool,
    leaving: bool,
}

impl<O: Write, E: Write> Chat<O, E> {
    fn is_done(&self) -> bool {
        self.leaving || (self.input_ended && self.book.pending() == 0)
    }

    /// From a pipe, only what can be sent is taken.
    fn listens(&self) -> bool {
        let can_send = self.book.current().is_some() && self.book.pending() < MAX_PENDING;
        !self.input_ended && (self.screen.terminal || can_send)
    }

    async fn end(mut self) -> Result<(), ChatError> {
        self.screen.leave()?;
        let pending = self.book.pending();
        let status = self.client.close().await;
        // What was answered in the last moment is not in the book yet, and was sent in any case.
        let unsent = status.waiting.saturating_sub(status.went_out).min(pending);
        match (pending, self.book.failed) {
            (0, 0) => Ok(()),
            (0, failed) => Err(ChatError::Refused(failed)),
            (pending, refused) => Err(ChatError::Left { unsent, unanswered: pending - unsent, refused }),
        }
    }

    async fn event(&mut self, event: Event) -> Result<(), ChatError> {
        let first = matches!(event, Event::Connected { .. }) && !self.begun;
        let seen = match &event {
            Event::Message(m) if self.book.is_current(m.channel_id) && !self.book.is_me(m.sender_id) => {
                Some((m.channel_id, m.seq))
            }
            _ => None,
        };
        if let Event::Disconnected { reason, .. } = &event {
            let offline = format!("{}: {}", self.offline(), text::harmless(reason));
            self.screen.show(&Line::Note(offline))?;
        }
        for line in self.book.lines(event) {
            self.screen.show(&line)?;
        }
        if let Some((channel, seq)) = seen {
            self.client.read(channel, seq).await;
        }
        if first {
            self.begun = true;
            self.choose_channel().await?;
        }
        Ok(())
    }

    async fn choose_channel(&mut self) -> Result<(), ChatError> {
        let which = match (self.channel.take(), self.book.only_channel()) {
            (Some(channel), _) => channel,
            (None, Some(only)) => only.to_string(),
            (None, None) if self.screen.terminal => return self.problem("choose a channel: /join N"),
            (None, None) => return Err(ChatError::NoChannel(format!("your channels: {}", self.book.overview()))),
        };
        match self.book.join(&which) {
            Ok(id) => self.joined(id).await,
            Err(problem) if self.screen.terminal => self.problem(&problem),
            Err(problem) => Err(ChatError::NoChannel(problem)),
        }
    }

    async fn joined(&mut self, id: ChannelId) -> Result<(), ChatError> {
        self.screen.show(&Line::Note(format!("in {}", self.book.channel_name(id))))?;
        self.client.replay(id, self.history).await;
        Ok(())
    }

    async fn line(&mut self, line: &str) -> Result<(), ChatError> {
        let input = if self.screen.terminal { Input::parse(line) } else { Input::text(line) };
        match input {
            // Until then there is no channel to send to, or to choose.
            Input::Say(_) if !self.begun => self.problem("not connected yet; not sent")?,
            Input::Channels | Input::Who | Input::Join(_) | Input::Edit(_) | Input::Delete if !self.begun => {
                self.problem("not connected yet; try again when you are")?;
            }
            Input::Nothing => self.screen.prompt()?,
            Input::Say(text) => self.say(text).await?,
            Input::Channels => self.screen.show(&Line::Note(self.book.overview()))?,
            Input::Who => match self.book.who() {
                Some(who) => self.screen.show(&Line::Note(who))?,
                None => self.problem("choose a channel: /join N")?,
            },
            Input::Join(which) => match self.book.join(&which) {
                Ok(id) => self.joined(id).await?,
                Err(problem) => self.problem(&problem)?,
            },
            Input::Edit(_) | Input::Delete => self.change(input)?,
            Input::Help => self.screen.show(&Line::Note(HELP.to_owned()))?,
            Input::Unknown(problem) => self.problem(&problem)?,
            Input::Quit if self.book.pending() > 0 && !self.input_ended => {
                // Nothing more is read from here on.
                self.input_ended = true;
                self.problem(&format!(
                    "leaving when the {} waiting are stored; Ctrl-C leaves at once",
                    self.book.pending()
                ))?;
            }
            Input::Quit => self.leaving = true,
        }
        Ok(())
    }

    async fn say(&mut self, text: String) -> Result<(), ChatError> {
        let Some(channel) = self.book.current() else { return self.problem("choose a channel: /join N") };
        match self.client.send(channel, text.clone()).await {
            Ok(client_id) => self.book.sending(client_id, channel, text),
            Err(error) => return self.not_sent(&error.to_string()),
        }
        self.screen.take_back_entered()?;
        if self.client.status().state != State::Live && self.screen.terminal {
            self.screen.show(&Line::Note(self.offline()))?;
        }
        Ok(())
    }

    /// Beside the conversation: the answer may take a while.
    fn change(&mut self, input: Input) -> Result<(), ChatError> {
        let Some(message) = self.book.last_own() else { return self.problem("there is no message of yours to change") };
        let (client, answers) = (self.client.clone(), self.answers.clone());
        tokio::spawn(async move {
            let changed = match input {
                Input::Edit(text) => client.edit(message, text).await,
                _ => client.delete(message).await,
            };
            if let Err(error) = changed {
                // Nobody shows it any more once the chat is over.
                let _ = answers.send(Line::Problem(format!("not changed: {error}"))).await;
            }
        });
        Ok(self.screen.prompt()?)
    }

    /// How it stands with the connection.
    fn offline(&self) -> String {
        let status = self.client.status();
        let waiting = self.book.pending();
        match status.state {
            State::Waiting { until } => {
                let left = until.saturating_duration_since(Instant::now()).as_secs_f32().ceil();
                format!("not connected, {waiting} waiting; trying again in {left} s")
            }
            _ => format!("not connected, {waiting} waiting; connecting"),
        }
    }

    fn not_sent(&mut self, why: &str) -> Result<(), ChatError> {
        self.book.failed += 1;
        self.problem(&format!("not sent: {why}"))
    }

    fn problem(&mut self, text: &str) -> Result<(), ChatError> {
        Ok(self.screen.show(&Line::Problem(text.to_owned()))?)
    }
}

fn token_source(options: &ChatOptions) -> Result<TokenSource, ChatError> {
    let Some(file) = options.token_file.clone() else {
        return options.token.clone().map(TokenSource::Static).ok_or(ChatError::NoToken);
    };
    // Wrong from the start is the user's mistake; later on it is only being replaced.
    std::fs::read(&file).map_err(|error| ChatError::TokenFile { file: file.clone(), error })?;
    Ok(TokenSource::callback(move || {
        let read = std::fs::read_to_string(&file).map(|token| token.trim().to_owned());
        std::future::ready(read.map_err(|error| TokenError::Unavailable(error.to_string())))
    }))
}
