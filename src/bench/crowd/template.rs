//! The frame of a room's messages, made once: what differs from one to the next is the `clientId`.

use uuid::Uuid;

use super::super::frames;

const BEGIN: &str = r#"{"type":"message","clientId":""#;
const ID_BYTES: usize = 36;

pub(super) struct Template {
    frame: Vec<u8>,
    id_at: usize,
}

impl Template {
    pub(super) fn new(channel_id: &str, content_bytes: usize) -> Self {
        let (id, content) = (Uuid::nil(), "x".repeat(content_bytes));
        let text = format!(r#"{BEGIN}{id}","channelId":"{channel_id}","content":"{content}"}}"#);
        let frame = frames::text(text.as_bytes());
        let id_at = frame.len() - text.len() + BEGIN.len();
        Self { frame, id_at }
    }

    pub(super) fn with(&mut self, client_id: Uuid) -> &[u8] {
        let place = &mut self.frame[self.id_at..self.id_at + ID_BYTES];
        client_id.hyphenated().encode_lower(place);
        &self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_is_whole_and_has_its_own_id() {
        for content_bytes in [1, 128, 20_000, 70_000] {
            let mut template = Template::new("c", content_bytes);
            for id in [Uuid::new_v4(), Uuid::new_v4()] {
                let frame = template.with(id).to_vec();
                let begin = frame.iter().position(|byte| *byte == b'{').unwrap();
                let message: serde_json::Value = serde_json::from_slice(&frame[begin..]).unwrap();
                assert_eq!(message["clientId"], id.to_string());
                assert_eq!(message["content"].as_str().unwrap().len(), content_bytes);
                assert_eq!((&message["type"], &message["channelId"]), (&"message".into(), &"c".into()));
            }
        }
    }
}
