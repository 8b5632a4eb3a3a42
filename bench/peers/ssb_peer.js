// Secure Scuttlebutt: a signed feed for each author, every message's signature checked; ssb-db2 stores, ssb-ebt compares vector clocks,
// secret-handshake and box-stream encrypt. Commands come as lines on standard input, one answer of JSON for each; see ssb.py.
// Environment: PEERS_DIR (where node_modules is), CORPUS (the texts), AUTHORS (how many feeds).

const { answering, corpus, now } = require('./peer.js')
const modules = process.env.PEERS_DIR + '/node_modules/'
const load = name => require(modules + name)

const BATCH = 500 // messages being signed and stored at once
const POLL = 5 // ms between two looks at the vector clock: there is no event for “all is here”
const PATIENCE = 600 // seconds

const keys = load('ssb-keys')
const keysOf = name => {
  const seed = Buffer.alloc(32)
  seed.write(name)
  return keys.generate('ed25519', seed)
}
const feeds = Array.from({ length: Number(process.env.AUTHORS) }, (_, i) => keysOf('author' + i))
const plugins = ['ssb-db2/core', 'ssb-classic', 'ssb-db2/compat/publish', 'ssb-db2/compat/post', 'ssb-db2/compat/feedstate',
  'ssb-db2/compat/ebt', 'ssb-ebt']
let node

const promise = call => new Promise((resolve, reject) => call((error, value) => error ? reject(error) : resolve(value)))
const drained = () => promise(done => node.db.onDrain('base', () => done()))
const publish = (feed, text) => promise(done => node.db.create({ keys: feed, feedFormat: 'classic', content: { type: 'post', text } }, done))

async function held () {
  const clock = await promise(done => node.getVectorClock(done))
  return feeds.reduce((sum, feed) => sum + (clock[feed.id] || 0), 0)
}

async function untilHeld (wanted, patience = PATIENCE) {
  const deadline = now() + Number(patience)
  while (await held() < wanted) {
    if (now() > deadline) throw new Error(`${await held()} of ${wanted} messages`)
    await new Promise(resolve => setTimeout(resolve, POLL))
  }
  return { at: now() }
}

answering({
  // open DIRECTORY NAME PORT: be a node
  async open (directory, name, port) {
    const incoming = { net: [{ scope: ['device'], port: Number(port), host: '127.0.0.1', transform: 'shs' }] }
    const config = {
      path: directory,
      keys: keysOf(name),
      timeout: 0,
      connections: { incoming, outgoing: { net: [{ transform: 'shs' }] } }
    }
    const stack = load('secret-stack')({ caps: load('ssb-caps') })
    node = plugins.reduce((built, plugin) => built.use(load(plugin)), stack).call(null, config)
    await drained()
    return { address: node.getAddress('device') }
  },

  // load FIRST LAST REMAINDER MODULUS: publish these texts by the feeds whose number leaves this remainder
  async load (first, last, remainder, modulus) {
    const mine = feeds.filter((_, i) => i % Number(modulus) === Number(remainder))
    const texts = corpus(Number(first), Number(last))
    for (let at = 0; at < texts.length; at += BATCH) {
      await Promise.all(texts.slice(at, at + BATCH).map((text, i) => publish(mine[(at + i) % mine.length], text.toString('utf8'))))
    }
    await drained()
    return {}
  },

  // replicate every feed from now on
  async want () { for (const feed of feeds) node.ebt.request(feed.id, true) },

  // connect ADDRESS WANTED: until so many messages are held
  async connect (address, wanted) {
    await promise(done => node.connect(address, done))
    return untilHeld(Number(wanted))
  },

  // wait WANTED [SECONDS]
  async wait (wanted, patience) { return untilHeld(Number(wanted), patience) },

  async publish (text) {
    const at = now()
    await publish(feeds[0], text.padStart(1000, 'x'))
    return { at }
  },

  async drain () { await drained() },

  async quit () { await promise(done => node.close(true, done)) }
})
