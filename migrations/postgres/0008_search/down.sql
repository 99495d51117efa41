DROP TRIGGER search_progress_channel_tg ON channels;
DROP FUNCTION search_progress_goes_with_channel();
DROP TABLE search_progress;
DROP TABLE message_words;
