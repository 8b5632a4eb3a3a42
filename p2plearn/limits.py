"""Every bound in the program, each with its reason. Sizes are in bytes, times in seconds unless the name says otherwise.

Knows nothing of any other module.
"""

KiB = 1024
MiB = 1024 * KiB

# --- records (docs/PROTOCOL.md) ---
MAX_RECORD = 16 * KiB  # raw bytes: a long page of text; what is longer is an attachment
MAX_REFS = 32  # a record names a handful of others; bounds the index rows one record costs
MAX_TOPICS = 16  # more is spam; bounds the index rows one record costs
MAX_TOPIC = 64  # a topic is a word or two
MAX_WORD = 32  # kind, space, relation, language: names, not texts
MAX_LICENCE = 64  # the longest SPDX identifiers are about 40
MAX_ATTACHMENTS = 16  # per record
MAX_CID = 64  # a CIDv1 with SHA-256 is 36
MAX_MEDIA_TYPE = 127  # RFC 6838: 127 for each half; real ones are under 80
MAX_FILE_NAME = 255  # what every file system allows
MAX_ALT = 1000  # a description, not an essay
MAX_BODY_ITEMS = 64  # elements in one body array
MAX_NESTING = 6  # envelope, body and two levels within; deeper is an attack on a recursive reader
MAX_INT = 2**53 - 1  # what every language reads exactly
MAX_TITLE = 300  # one line
MAX_NAME = 80  # a person's name
MAX_OPEN_TO = 16
FUTURE_TOLERANCE_MS = 24 * 3600 * 1000  # a record claimed further ahead is sorted last and marked

# --- frames and messages of a sync session ---
MAX_FRAME = 65_500  # py-libp2p's Yamux is fastest at writes of 65,507-65,524 bytes and halves at 65,536
MAX_MESSAGE = 1 * MiB  # decompressed; 500 records of 2 KiB
MAX_BATCH_RECORDS = 500  # one transaction; larger batches gain nothing
MAX_BATCH_BYTES = 768 * KiB  # leaves room in a message for one more record and the envelope
WINDOW = 4  # batches under way unacknowledged: fills the pipe, bounds what a receiver holds to 4 MiB
MAX_ZSTD_WINDOW = 1 * MiB  # memory a frame may make us allocate
MAX_HEADS = 8_192  # in one message; more go in several
MAX_HEADS_TOTAL = 1_000_000  # authors in one session
MAX_SCOPE_TOPICS = 64
MAX_SKETCH_SYMBOLS = 4_096  # in one answer: 64 KiB
MAX_SKETCH_CELL = 8_192  # symbols of one part, decoding 5,900 differences in 0.15 s; what differs more is split
MAX_SPLIT_BITS = 16  # parts of the salted id space: 65,536
MAX_SESSION_SYMBOLS = 2_000_000  # what one round may make us compute for one peer
MAX_WANT = 8_192  # ids in one message

# --- attachments ---
MAX_ATTACHMENT = 64 * MiB
CHUNK = 256 * KiB  # leaf size of a file's block tree, the default of IPFS nodes
MAX_BLOCK = 512 * KiB  # a leaf, or the root of 256 links (13 KiB), with room for other nodes' choices
UNASKED_ATTACHMENT = 1 * MiB  # fetched without anybody looking
BLOCK_TIMEOUT = 20.0
MAX_WANTLIST = 64  # blocks one peer may wait for at once

# --- store ---
DEFAULT_QUOTA = 4 * 1024 * MiB
QUOTA_BINDS_AT = 0.90  # below this share of the quota everybody's records are welcome
QUOTA_ONE_KEY = 0.01
QUOTA_STRANGERS = 0.20
MIN_FREE_FOR_PEERS = 200 * MiB
MIN_FREE_FOR_OWN = 50 * MiB  # a full disk refuses DELETE too
MAX_DECLINED = 100_000  # ids; the oldest are dropped first
INDEX_BATCH = 5_000  # full-text rows a transaction: 27 µs a record, against 106 in batches of 100
LOCK_TIMEOUT = 5.0  # how long a command waits for another process to leave the store

# --- node ---
MAX_CONNECTIONS = 128
MAX_CONNECTIONS_PER_PEER = 2  # both sides may dial at once
MAX_STREAMS_PER_PEER = 16
HANDSHAKE_TIMEOUT = 15.0
DIAL_TIMEOUT = 10.0
STREAM_TIMEOUT = 10.0
IDLE_TIMEOUT = 90.0  # a session says something at least every SYNC_INTERVAL
SYNC_INTERVAL = 20.0  # a round on the open session: what gossip and pushes lost is found this soon
REDIAL_FIRST = 1.0
REDIAL_MAX = 30.0  # the contract: at most 30 s apart
MAX_REMEMBERED_PEERS = 512
MAX_ADDRESSES_PER_PEER = 8
MAX_ADDRESS = 256
MAX_EXCHANGED_PEERS = 64  # in one address message
MAX_GOSSIP = 64 * KiB  # one record and its envelope fit four times over
GOSSIP_PER_SECOND = 200  # per forwarder; more is dropped here and comes by sync
GOSSIP_FRESH_S = 60.0  # a record held for longer is not forwarded again
SHUTDOWN_TIMEOUT = 4.0  # the contract says 5

# --- local API ---
MAX_REQUEST = 1 * MiB  # a JSON request; uploads stream
API_TIMEOUT = 60.0
MAX_LIMIT = 1_000  # items in one answer
DEFAULT_FEED = 50
MIN_PREFIX = 6
MAX_THREAD = 10_000  # records folded into one conversation
MAX_QUERY = 500
