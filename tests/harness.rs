//! The tools of the tests, tested: a harness that lies makes every test lie.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "support/interop.rs"]
mod interop;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/redis.rs"]
mod redis;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use proxy::{Cut, Direction, Proxy};
use redis::Redis;

/// Long enough to be sure that nothing comes, short enough to wait for it.
const SILENCE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(10);

/// A target that answers each byte with itself and ends when its peer does.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut piece = [0; 1024];
                while let Ok(read @ 1..) = stream.read(&mut piece) {
                    if stream.write_all(&piece[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    addr
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
}

fn hear(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

fn hear_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let heard = stream.read(&mut [0; 16]);
    assert!(matches!(&heard, Err(error) if error.kind() == ErrorKind::WouldBlock), "{heard:?}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

fn is_reset(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    assert!(matches!(&end, Err(error) if error.kind() == ErrorKind::ConnectionReset), "{end:?} after {rest:?}");
    assert!(rest.is_empty(), "{rest:?}");
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_sound_line_passes_bytes_both_ways_and_an_end_in_order() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    say(&mut client, "ten");
    hear(&mut client, "ten");
    assert_eq!(proxy.connections(), 1);
    say(&mut client, "four");
    client.shutdown(Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "four");
    wait_until("the connection is gone", || proxy.connections() == 0);
}

#[test]
fn a_megabyte_arrives_as_it_was_sent() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    let sent: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let mut writer = client.try_clone().unwrap();
    let expected = sent.clone();
    let writing = thread::spawn(move || writer.write_all(&sent).unwrap());
    let mut heard = vec![0; expected.len()];
    client.read_exact(&mut heard).unwrap();
    writing.join().unwrap();
    assert!(heard == expected);
}

#[test]
fn a_cut_resets_every_connection_and_new_ones_are_taken() {
    let proxy = Proxy::start(echo());
    let mut clients = [connect(&proxy), connect(&proxy)];
    for client in &mut clients {
        say(client, "a");
        hear(client, "a");
    }
    proxy.cut();
    for client in &mut clients {
        is_reset(client);
    }
    let mut client = connect(&proxy);
    say(&mut client, "b");
    hear(&mut client, "b");
}

#[test]
fn a_cut_reaches_a_stalled_line() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    say(&mut client, "a");
    hear(&mut client, "a");
    proxy.stall();
    say(&mut client, "lost");
    proxy.cut();
    is_reset(&mut client);
}

#[test]
fn a_stall_keeps_everything_open_and_what_was_said_arrives_after_it() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    say(&mut client, "a");
    hear(&mut client, "a");
    proxy.stall();
    say(&mut client, "later");
    hear_nothing(&mut client);
    assert_eq!(proxy.connections(), 1);
    proxy.resume();
    hear(&mut client, "later");
}

#[test]
fn a_refusal_resets_new_connections_and_leaves_open_ones() {
    let proxy = Proxy::start(echo());
    let mut open = connect(&proxy);
    say(&mut open, "a");
    hear(&mut open, "a");
    proxy.refuse();
    is_reset(&mut connect(&proxy));
    say(&mut open, "b");
    hear(&mut open, "b");
    proxy.accept();
    let mut client = connect(&proxy);
    say(&mut client, "c");
    hear(&mut client, "c");
}

#[test]
fn a_target_that_is_not_there_is_a_reset_until_it_is() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = Proxy::start(nobody);
    is_reset(&mut connect(&proxy));
    proxy.retarget(echo());
    let mut client = connect(&proxy);
    say(&mut client, "here");
    hear(&mut client, "here");
}

#[test]
fn a_delay_makes_each_way_that_much_longer() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    proxy.delay(Duration::from_millis(60));
    let started = Instant::now();
    say(&mut client, "a");
    hear(&mut client, "a");
    assert!(started.elapsed() >= Duration::from_millis(120), "{:?}", started.elapsed());
}

#[test]
fn a_pattern_cuts_before_it_arrives_even_in_pieces() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    proxy.cut_when(Direction::Up, b"COMMIT", Cut::Before);
    say(&mut client, "INSERT;COM");
    hear(&mut client, "INSERT;COM");
    say(&mut client, "MIT;");
    is_reset(&mut client);
    assert!(!proxy.armed());
}

#[test]
fn a_pattern_cuts_after_it_arrived_so_that_only_the_answer_is_lost() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(target.local_addr().unwrap());
    let mut client = connect(&proxy);
    let (mut server, _) = target.accept().unwrap();
    proxy.cut_when(Direction::Up, b"COMMIT", Cut::After);
    say(&mut client, "INSERT;COMMIT;");
    is_reset(&mut client);
    let mut heard = String::new();
    server.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "INSERT;COMMIT;");
}

#[test]
fn a_pattern_is_looked_for_in_its_own_direction_and_springs_once() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    proxy.cut_when(Direction::Down, b"ack", Cut::After);
    say(&mut client, "an ack");
    // It goes up, and is cut off only when it has come back.
    hear(&mut client, "an ack");
    assert_eq!(client.read(&mut [0; 16]).unwrap(), 0);
    let mut client = connect(&proxy);
    say(&mut client, "an ack");
    hear(&mut client, "an ack");
    say(&mut client, "and more");
    hear(&mut client, "and more");
}

#[test]
fn the_end_of_the_proxy_ends_what_goes_through_it() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    say(&mut client, "a");
    hear(&mut client, "a");
    let addr = proxy.addr;
    drop(proxy);
    assert_eq!(client.read(&mut [0; 16]).unwrap_or(0), 0);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_redis_of_its_own_answers_forgets_at_a_restart_and_ends_with_its_value() {
    let mut redis = Redis::start();
    assert_eq!(redis.command(&["SET", "kept", "yes"]).unwrap(), "+OK\r\n");
    assert_eq!(redis.command(&["GET", "kept"]).unwrap(), "$3\r\nyes\r\n");
    redis.restart_empty();
    assert_eq!(redis.command(&["GET", "kept"]).unwrap(), "$-1\r\n");
    assert_eq!(redis.url(), format!("redis://{}/", redis.addr));
    let addr = redis.addr;
    drop(redis);
    assert!(TcpStream::connect(addr).is_err());
}

#[test]
fn a_strangers_client_that_fails_says_why_and_keeps_its_token_to_itself() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for mut client in [interop::python(), interop::node()] {
        let output = client.arg(format!("ws://{nobody}/ws")).args(["se.cr.et", "channel"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(output.stdout.is_empty());
        assert!(said.contains("refused") || said.contains("REFUSED"), "{said}");
        assert!(!said.contains("se.cr.et"), "{said}");
    }
}
