DROP TABLE search_progress;
DROP TRIGGER message_words_tg;
DROP TABLE message_index;
DROP TABLE message_words;
