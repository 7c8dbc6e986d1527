/** The limits of the recording room: each with its unit and its reason. */

/** Longest event in the journal, bytes of its JSON. A command's text is cut at 256 KiB before; parameters and names add to it. */
export const eventBytesMax = 8 * 1024 * 1024;

/** Size of a batch buffer. Large enough for some hundred events in one write, small enough that a few of them idle cheaply. */
export const batchBytes = 256 * 1024;

/** Largest body of a frame: one event of the largest size, with its length field. Also what bounds a reader's memory. */
export const frameBodyBytesMax = eventBytesMax + 64;

/** Events that wait for the disk. Beyond it nothing is accepted until the writer has caught up: memory stays bounded (I6). */
export const backlogBytesMax = 64 * 1024 * 1024;

/** A segment is closed beyond this size. Start-up reads at most one segment, so it bounds the time to accept sessions (G9). */
export const segmentBytesMax = 64 * 1024 * 1024;

/** Events between two signed checkpoints under load: the signature costs nothing at this rate. */
export const checkpointEventsMax = 65_536;

/** Longest time events stay without a signature over them, milliseconds. */
export const checkpointIntervalMs = 10_000;

/** How long the writer may take for one batch before the journal counts as failed, milliseconds. A disk that hangs longer is down. */
export const writerDeadlineMs = 30_000;

/** How often timers of this room look around, milliseconds. */
export const tickMs = 200;

/** How often free space is asked for, milliseconds: a full-speed writer needs longer than this for one rung of the ladder. */
export const spaceIntervalMs = 3_000;

/** The space ladder (F-04), as shares of the file system's size. */
export const spaceWarnShare = 0.15;
export const spaceRefuseShare = 0.05;
export const spaceEndShare = 0.01;

/** Below this many free bytes live sessions end whatever the share: what they still write has to fit. */
export const spaceEndBytes = 64 * 1024 * 1024;

/** How far above a threshold free space must rise before the level improves, as a share: no flapping at the edge. */
export const spaceHysteresisShare = 0.01;

/** A recording's block is handed to the writer at this size. Larger compresses little better and costs memory per session. */
export const blockBytes = 64 * 1024;

/** First size of a block: a session that says little costs little. */
export const blockBytesFirst = 4 * 1024;

/** A block that is older than this is handed over, milliseconds, so that with writing and syncing output loss stays within a second (G1). */
export const blockAgeMs = 500;

/** The same while somebody follows the session live. */
export const followedBlockAgeMs = 100;

/** All texts of one entry together, bytes; what lies beyond is cut, and the journal's intent keeps the digest of the whole. */
export const entryTextBytesMax = 8 * 1024 * 1024;

/** Largest encoded entry, bytes; bounds what a reader allocates for one chunk, together with `blockBytes`. */
export const entryBytesMax = 80 * 1024 * 1024;

/** Most that `resultBytesPerCommand` may be set to, so that no entry exceeds `entryBytesMax`. */
export const resultBytesPerCommandCap = 64 * 1024 * 1024;

/** Read from an archive at once, bytes: each read is a request over a network. */
export const archiveReadBytes = 1024 * 1024;

/** Longest file that stands in place of a recording that is gone, bytes: one event, whose reason somebody wrote. */
export const goneBytesMax = 64 * 1024;

/** Longest wrapped key of a recording, bytes: one key, what wraps it, and names of keys. */
export const wrappedKeyBytesMax = 1024;

/** Blocks that the recorder writes and syncs together, bytes: enough for hundreds of sessions that begin at once, little to wait for. */
export const recorderBatchBytesMax = 512 * 1024;

/** The same as a number: each may begin a recording, whose key and content are open files until the batch is through. */
export const recorderBatchBlocksMax = 128;

/** Recording files the writer keeps open; more sessions than that open theirs again for each block. */
export const openRecordingsMax = 256;

/** Blocks of this capacity are kept for reuse: what a full block has grown to. */
export const spareBlockBytes = 2 * blockBytes;
export const spareBlocksMax = 16;

/** Largest chunk when read back, bytes uncompressed. A block is handed over as soon as it is full, so one entry may overshoot it. */
export const chunkRawBytesMax = entryBytesMax + blockBytes;

/** Rows and data recorded of one command, bytes. What lies beyond is counted and digested. */
export const resultBytesPerCommandMax = 1024 * 1024;

/** Rows and data recorded of one session, bytes. */
export const resultBytesPerSessionMax = 64 * 1024 * 1024;

/** Blocks of one session that may wait for the disk before its source is paused, bytes. */
export const sessionInFlightBytesMax = 1024 * 1024;

/** Blocks of all sessions that may wait for the disk before every source is paused, bytes. */
export const totalInFlightBytesMax = 4 * 1024 * 1024;

/** Blocks that may wait although their sources were told to pause, bytes. Beyond it recording fails rather than memory. */
export const totalInFlightBytesCap = 128 * 1024 * 1024;

/** How long sealing a recording may take, milliseconds. */
export const sealDeadlineMs = 30_000;

/** Longest session id; ids are 30 characters. */
export const sessionIdLengthMax = 64;

/** Problems a verification lists before it only counts. */
export const problemsListedMax = 100;

/** How long events that nobody waits for may gather before they are written: far below the second that may be lost. */
export const unawaitedDelayMs = 10;

/** How long a woken subscriber lets further commits gather before it reads. */
export const subscriptionDelayMs = 25;

/** How often another thread looks how far the journal is durable although nobody woke it: a wake-up that was lost costs so much. */
export const durableLookMs = 5_000;

/** Events handed to a subscriber at once. */
export const subscriptionEventsMax = 1000;

/** Decoded events that followers of the journal share: some seconds of load, so that a slow one need not read for itself. */
export const recentEventsMax = 10_000;
export const recentBytesMax = 16 * 1024 * 1024;

/** Read size when going through files, bytes. */
export const readBytes = 1024 * 1024;

/** After the recorder failed, how long until a new one is tried, milliseconds. Sessions that it fails again end at once. */
export const recorderRetryMs = 5_000;
