//! An object on its way in: recognised by its first bytes, stripped where it is a picture or a film, summed up and stored in
//! pieces.

use std::sync::Arc;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};

use super::DepotError;
use super::kind::{self, HEAD, UNKNOWN};
use super::scrub::Kind;
use super::spool::{Rest, Spool};
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
    /// Of a picture that says so in a known way.
    pub dimensions: Option<(u32, u32)>,
}

/// See the module's text. Dropped before it is finished it leaves nothing behind, but what S3 keeps of parts that were not
/// put together.
pub struct Intake {
    store: Arc<dyn ObjectStore>,
    path: Path,
    /// How much is stored at a time.
    piece: usize,
    rest: Rest,
    content_type: &'static str,
    way: Way,
    dimensions: Option<(u32, u32)>,
    pending: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
    hash: Sha256,
    size: u64,
}

/// How what comes is dealt with.
enum Way {
    /// Not enough has come to tell.
    Head(Vec<u8>),
    AsItComes,
    Strip(Strip),
    /// Looked at when all has come.
    Spool(Spool),
}

impl Intake {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path, piece: usize, rest: Rest) -> Self {
        let (way, pending, hash) = (Way::Head(Vec::new()), Vec::new(), Sha256::new());
        let (content_type, dimensions, parts, size) = (UNKNOWN, None, None, 0);
        Self { store, path, piece, rest, content_type, way, dimensions, pending, parts, hash, size }
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), DepotError> {
        if let Way::Head(head) = &mut self.way {
            head.extend_from_slice(bytes);
            return if head.len() < HEAD { Ok(()) } else { self.recognise().await };
        }
        self.pass(bytes).await
    }

    /// All has come: it becomes visible whole.
    pub async fn finish(mut self) -> Result<Taken, DepotError> {
        if let Err(error) = self.put_whole().await {
            self.abort().await;
            return Err(error);
        }
        let dimensions = self.dimensions;
        let too_large = dimensions.is_some_and(|(w, h)| u64::from(w) * u64::from(h) > MAX_PIXELS);
        let is_too_large = too_large && kind::is_shown(self.content_type);
        let (content_type, dimensions) = if is_too_large { (UNKNOWN, None) } else { (self.content_type, dimensions) };
        let sha256 = hex(&self.hash.finalize());
        Ok(Taken { content_type, size: self.size, sha256, dimensions })
    }

    /// Gives it up.
    pub async fn abort(mut self) {
        let Some(mut parts) = self.parts.take() else { return };
        if let Err(error) = parts.abort().await {
            log::warn!("an upload that was given up left something behind: {error}");
        }
    }

    async fn put_whole(&mut self) -> Result<(), DepotError> {
        if matches!(self.way, Way::Head(_)) {
            self.recognise().await?;
        }
        match std::mem::replace(&mut self.way, Way::AsItComes) {
            Way::Spool(spool) => {
                let (mut left, dimensions) = spool.scrub(&self.rest).await?;
                self.dimensions = dimensions;
                loop {
                    let bytes = left.next(super::FOLDER_PIECE).await?;
                    if bytes.is_empty() {
                        break;
                    }
                    self.pass(&bytes).await?;
                }
            }
            Way::Strip(strip) => self.dimensions = strip.dimensions(),
            Way::Head(_) | Way::AsItComes => {}
        }
        let last = std::mem::take(&mut self.pending);
        let Some(parts) = &mut self.parts else {
            self.store.put(&self.path, PutPayload::from(last)).await?;
            return Ok(());
        };
        if !last.is_empty() {
            parts.put_part(PutPayload::from(last)).await?;
        }
        parts.complete().await?;
        Ok(())
    }

    async fn recognise(&mut self) -> Result<(), DepotError> {
        let Way::Head(head) = std::mem::replace(&mut self.way, Way::AsItComes) else { return Ok(()) };
        self.content_type = kind::content_type(&head);
        if let Some(format) = Format::of(&head) {
            self.way = Way::Strip(Strip::new(format));
        } else if let Some(kind) = Kind::of(&head) {
            self.way = Way::Spool(Spool::new(kind, &self.rest).await?);
        }
        self.pass(&head).await
    }

    /// Takes what is to be stored of these bytes, and stores what is a piece.
    async fn pass(&mut self, bytes: &[u8]) -> Result<(), DepotError> {
        let before = self.pending.len();
        match &mut self.way {
            Way::Spool(spool) => return spool.write(bytes).await,
            Way::Strip(strip) => strip.push(bytes, &mut self.pending),
            Way::Head(_) | Way::AsItComes => self.pending.extend_from_slice(bytes),
        }
        let new = &self.pending[before..];
        self.hash.update(new);
        self.size += new.len() as u64;
        while self.pending.len() >= self.piece {
            let rest = self.pending.split_off(self.piece);
            let part = std::mem::replace(&mut self.pending, rest);
            self.put(part).await?;
        }
        Ok(())
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
