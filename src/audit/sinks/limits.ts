/** The limits of sinks. */

/** Records in one batch of a line-based target: few enough that a failure repeats little. */
export const batchRecordsMax = 500;

/** Bytes of one batch of a line-based target. */
export const batchBytesMax = 1024 * 1024;

/** Length of a header field of RFC 5424 (section 6): host name, application, message id. Characters. */
export const syslogHostMax = 255;
export const syslogMessageIdMax = 32;

/** Values of RFC 5424's structured data: what is longer stands whole in the message. Characters. */
export const syslogParameterMax = 256;

/** Text of a command in events that follow its intent, which has all of it. Characters. */
export const repeatedTextMax = 4_096;

/** Dead letters of one sink at one gateway; beyond them the sink waits rather than lose one. */
export const deadLettersMax = 1_000;

/** How long one batch may take, connecting included. Milliseconds. */
export const sendDeadlineMs = 30_000;

/** The pause after a first failure, doubled with each further one up to the longest; half of it is chance. Milliseconds. */
export const retryMinMs = 500;
export const retryMaxMs = 60_000;

/** How long a sink fails before that is an event of its own: a restart of its target is none. Milliseconds. */
export const failingAfterMs = 15_000;

/** How often the standing is written where only events passed that are not selected. Milliseconds. */
export const standingIntervalMs = 2_000;

/** How often dead letters are looked for that somebody wants sent again. Milliseconds. */
export const wantedIntervalMs = 5_000;

/** Dead letters that are sent again in one go. */
export const wantedMax = 100;

/** Between two questions whether Splunk has indexed a batch: it writes every second or so. Milliseconds. */
export const splunkAckPauseMs = 250;
export const splunkAckPauseMaxMs = 4_000;

/** Sequences that one `sink.changed` names by themselves. */
export const sequencesSaidMax = 20;

/** Of Kafka's record batches a broker takes 1 MiB unless set otherwise, keys and headers included. Bytes of texts. */
export const kafkaBatchBytesMax = 512 * 1024;

/** Until a broker is connected, and until it answers one request. Milliseconds. */
export const kafkaConnectDeadlineMs = 5_000;
export const kafkaRequestDeadlineMs = 10_000;

/** Tries of one request within a batch's deadline, by the client itself: a partition's leader may just be moving. */
export const kafkaRetriesMax = 3;

/** How long one producer is kept: passwords are read anew with the next. Milliseconds. */
export const kafkaProducerAgeMaxMs = 600_000;

/** Notices in one message of a chat or one mail: a burst of alerts is a few messages, and each can be read. */
export const noticesMax = 8;

/** A message of Teams is 28 KB at most. Bytes. */
export const teamsBytesMax = 27 * 1024;

/** PagerDuty's key of what is one incident. Characters. */
export const pagerdutyKeyMax = 255;

/** One step of a conversation by mail: connecting, greeting, an answer. Milliseconds. */
export const mailStepDeadlineMs = 10_000;

/** Of one object in a store: what the journal hands over at once, and no more in memory than that. */
export const objectRecordsMax = 1_000;
export const objectBytesMax = 8 * 1024 * 1024;

/** Between two objects of a sink that keeps up: some 9,000 a day at most, rather than one an event. Milliseconds. */
export const objectIntervalMs = 10_000;

/** How long closing waits for a batch that is on its way, and how often it looks. Milliseconds. */
export const closeDeadlineMs = 2_000;
export const closeLookMs = 20;
