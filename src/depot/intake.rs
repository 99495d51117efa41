//! An object on its way in: recognised by its first bytes, stripped where it is a picture, summed up and stored in pieces.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use super::DepotError;
use super::kind::{self, HEAD, UNKNOWN};
use super::strip::{Format, Strip};
use crate::domain::hex::hex;

/// Larger pictures are saved, not shown: to unpack them takes more memory than a reader may have.
const MAX_PIXELS: u64 = 40_000_000;

/// What was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub content_type: &'static str,
    pub size: u64,
    /// In hexadecimal form.
    pub sha256: String,
    /// Of a picture that is shown.
    pub dimensions: Option<(u32, u32)>,
}

/// See the module's text. Dropped before it is finished it leaves nothing behind, but what S3 keeps of parts that were not
/// put together.
pub struct Intake {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// How much is stored at a time.
    piece: usize,
    /// None: not enough has come to tell.
    content_type: Option<&'static str>,
    strip: Option<Strip>,
    head: Vec<u8>,
    pending: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
    hash: Sha256,
    size: u64,
}

impl Intake {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path, piece: usize) -> Self {
        let hash = Sha256::new();
        let (head, pending) = (Vec::new(), Vec::new());
        Self { store, path, piece, content_type: None, strip: None, head, pending, parts: None, hash, size: 0 }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), DepotError> {
        if self.content_type.is_some() {
            self.pass(bytes);
        } else {
            self.head.extend_from_slice(bytes);
            if self.head.len() >= HEAD {
                self.recognise();
            }
        }
        while self.pending.len() >= self.piece {
            let rest = self.pending.split_off(self.piece);
            let part = std::mem::replace(&mut self.pending, rest);
            self.put(part).await?;
        }
        Ok(())
    }

    /// All has come: it becomes visible whole.
    pub async fn finish(mut self) -> Result<Taken, DepotError> {
        if self.content_type.is_none() {
            self.recognise();
        }
        let last = std::mem::take(&mut self.pending);
        match self.parts.take() {
            None => drop(self.store.put(&self.path, PutPayload::from(last)).await?),
            Some(mut parts) => {
                let whole = async {
                    if !last.is_empty() {
                        parts.put_part(PutPayload::from(last)).await?;
                    }
                    parts.complete().await
                };
                let whole = whole.await;
                if whole.is_err() {
                    abort(parts).await;
                }
                whole?;
            }
        }
        let content_type = self.content_type.unwrap_or(UNKNOWN);
        let dimensions = self.strip.as_ref().and_then(Strip::dimensions);
        let too_large = dimensions.is_some_and(|(w, h)| u64::from(w) * u64::from(h) > MAX_PIXELS);
        let (content_type, dimensions) = if too_large { (UNKNOWN, None) } else { (content_type, dimensions) };
        let sha256 = hex(&self.hash.finalize());
        Ok(Taken { content_type, size: self.size, sha256, dimensions })
    }

    /// Gives it up.
    pub async fn abort(mut self) {
        if let Some(parts) = self.parts.take() {
            abort(parts).await;
        }
    }

    fn recognise(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.content_type = Some(kind::content_type(&head));
        self.strip = Format::of(&head).map(Strip::new);
        self.pass(&head);
    }

    /// Takes what is to be stored of these bytes.
    fn pass(&mut self, bytes: &[u8]) {
        let before = self.pending.len();
        match &mut self.strip {
            Some(strip) => strip.push(bytes, &mut self.pending),
            None => self.pending.extend_from_slice(bytes),
        }
        let new = &self.pending[before..];
        self.hash.update(new);
        self.size += new.len() as u64;
    }

    async fn put(&mut self, part: Vec<u8>) -> Result<(), DepotError> {
        let parts = match self.parts.take() {
            Some(parts) => parts,
            None => self.store.put_multipart(&self.path).await?,
        };
        let parts = self.parts.insert(parts);
        Ok(parts.put_part(PutPayload::from(part)).await?)
    }
}

async fn abort(mut parts: Box<dyn MultipartUpload>) {
    if let Err(error) = parts.abort().await {
        log::warn!("an upload that was given up left something behind: {error}");
    }
}
