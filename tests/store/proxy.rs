//! A line to a server that breaks when a given text passes: after it reached the server, before any answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    pub(crate) port: u16,
    armed: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) async fn to(server: String, text: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(AtomicBool::new(false));
        let trap = Arc::clone(&armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, text, Arc::clone(&trap)));
            }
        });
        Self { port, armed }
    }

    /// The next passing of the text breaks its line.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, text: &[u8], armed: Arc<AtomicBool>) {
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => match read {
                Ok(n) if n > 0 => {
                    if server.write_all(&asked[..n]).await.is_err() {
                        return;
                    }
                    if asked[..n].windows(text.len()).any(|w| w == text) && armed.swap(false, Ordering::SeqCst) {
                        // The answer shows that the server has done it, and goes no further.
                        drop(server.read(&mut answered).await);
                        return;
                    }
                }
                _ => return,
            },
            read = server.read(&mut answered) => match read {
                Ok(n) if n > 0 => if client.write_all(&answered[..n]).await.is_err() { return },
                _ => return,
            },
        }
    }
}
