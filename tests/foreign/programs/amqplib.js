// amqplib, a client for Node.js. The values are those of common.py.

'use strict';

const assert = require('node:assert/strict');
const amqplib = require('amqplib');

const TIMEOUT = 20_000; // milliseconds; then the program ends
const CONNECT_TIMEOUT = 10_000;
const EXCHANGE = 'greetings';
const QUEUE = 'inbox';
const KEY = 'greeting.morning';
const [NO_QUEUE, NO_KEY] = ['nowhere', 'greeting.never'];

const BODY = Buffer.from('Grüße');
// Longer than the largest frame that a broker and this client agree on.
const LARGE_BODY = Buffer.alloc(512_000, 'all that you can say in the morning');
const BODIES = [BODY, LARGE_BODY, Buffer.alloc(0)];
const NUMBERED = [0, 1, 2, 3, 4].map((number) => Buffer.from(`message ${number}`));
const PREFETCH = 2;

const SENT = {
  contentType: 'text/plain',
  contentEncoding: 'utf-8',
  headers: {
    text: 'żółw',
    yes: true,
    small: -7,
    large: 2 ** 40,
    fraction: 0.375,
    nothing: null,
    list: [1, 'two', [false]],
    table: { inner: { innermost: 'deep' } },
  },
  deliveryMode: 2,
  priority: 3,
  correlationId: 'correlation 1',
  replyTo: 'answers',
  expiration: '600000',
  messageId: 'message 1',
  timestamp: 1_700_000_000,
  type: 'greeting',
  userId: 'guest', // a broker refuses another one than that of the connection
  appId: 'foreign',
};

class Consumer {
  constructor(channel) {
    this.channel = channel;
    this.received = [];
    this.wake = () => {};
  }

  async start() {
    const onMessage = (message) => {
      this.received.push(message);
      this.wake();
    };
    this.tag = (await this.channel.consume(QUEUE, onMessage)).consumerTag;
    return this;
  }

  async next() {
    while (this.received.length === 0) {
      await new Promise((resolve) => {
        this.wake = resolve;
      });
    }
    return this.received.shift();
  }
}

async function declare(connection) {
  const channel = await connection.createChannel();
  await channel.assertExchange(EXCHANGE, 'direct', { durable: true });
  const declared = await channel.assertQueue(QUEUE, { durable: true });
  assert.deepEqual({ ...declared }, { queue: QUEUE, messageCount: 0, consumerCount: 0 });
  await channel.bindQueue(QUEUE, EXCHANGE, KEY);
  await channel.close();
}

async function publish(connection) {
  const channel = await connection.createConfirmChannel();
  await send(channel, ...BODIES);
  assert.deepEqual(await counts(channel), [BODIES.length, 0]);
  await channel.close();
}

async function get(connection) {
  const channel = await connection.createChannel();
  for (const [number, body] of BODIES.entries()) {
    const message = await channel.get(QUEUE);
    same(message, body);
    assert.equal(message.fields.exchange, EXCHANGE);
    assert.equal(message.fields.routingKey, KEY);
    assert.equal(message.fields.redelivered, false);
    assert.equal(message.fields.messageCount, BODIES.length - 1 - number);
    channel.ack(message);
  }
  await channel.close();
}

async function get_empty(connection) {
  const channel = await connection.createChannel();
  assert.equal(await channel.get(QUEUE), false);
  await channel.close();
}

async function consume(connection) {
  let channel = await connection.createConfirmChannel();
  await send(channel, ...NUMBERED);
  await channel.prefetch(PREFETCH);
  const consumer = await new Consumer(channel).start();
  const unacknowledged = [await consumer.next(), await consumer.next()];
  assert.deepEqual(await counts(channel), [NUMBERED.length - PREFETCH, 1]);
  for (const body of NUMBERED) {
    const message = unacknowledged.shift() ?? (await consumer.next());
    same(message, body);
    assert.equal(message.fields.consumerTag, consumer.tag);
    assert.equal(message.fields.redelivered, false);
    channel.ack(message);
  }
  await channel.close();
  channel = await connection.createChannel();
  assert.deepEqual(await counts(channel), [0, 0]);
  await channel.close();
}

async function redeliver(connection) {
  const channel = await connection.createConfirmChannel();
  await send(channel, BODY);
  const consumer = await new Consumer(channel).start();
  let message = await consumer.next();
  assert.equal(message.fields.redelivered, false);
  channel.nack(message, false, true);
  message = await consumer.next();
  assert.equal(message.fields.redelivered, true);
  same(message, BODY);
  channel.ack(message);
  await channel.close();
}

async function cancel(connection) {
  const channel = await connection.createConfirmChannel();
  const consumer = await new Consumer(channel).start();
  assert.deepEqual(await counts(channel), [0, 1]);
  await channel.cancel(consumer.tag);
  await send(channel, BODY);
  assert.deepEqual(await counts(channel), [1, 0]);
  same(await channel.get(QUEUE, { noAck: true }), BODY);
  await channel.close();
}

async function mandatory_return(connection) {
  const channel = await connection.createConfirmChannel();
  const returns = [];
  channel.on('return', (message) => returns.push(message));
  channel.publish(EXCHANGE, NO_KEY, BODY, { ...SENT, mandatory: true });
  await channel.waitForConfirms();
  assert.equal(returns.length, 1);
  same(returns[0], BODY);
  assert.equal(returns[0].fields.replyCode, 312);
  assert.equal(returns[0].fields.routingKey, NO_KEY);
  await channel.close();
}

async function channel_error(connection) {
  await notFound(await connection.createChannel(), NO_QUEUE);
  const channel = await connection.createChannel();
  assert.deepEqual(await counts(channel), [0, 0]);
  await channel.close();
}

async function delete_(connection) {
  const channel = await connection.createConfirmChannel();
  await send(channel, BODY);
  assert.equal((await channel.purgeQueue(QUEUE)).messageCount, 1);
  await channel.unbindQueue(QUEUE, EXCHANGE, KEY);
  await send(channel, BODY);
  assert.equal((await channel.deleteQueue(QUEUE)).messageCount, 0);
  await channel.deleteExchange(EXCHANGE);
  await notFound(channel, QUEUE);
}

async function login_refused(url) {
  const wrong = new URL(url);
  wrong.password = 'wrong';
  await assert.rejects(connect(wrong.href), /403/);
}

// Publish messages with all properties, and wait for all confirms.
async function send(channel, ...bodies) {
  for (const body of bodies) channel.publish(EXCHANGE, KEY, body, SENT);
  await channel.waitForConfirms();
}

// Throw if the body, a header or a property differs.
function same(message, body) {
  assert.ok(message.content.equals(body), `not the body: ${message.content}`.slice(0, 200));
  const properties = Object.entries(message.properties).filter(([, value]) => value !== undefined);
  assert.deepEqual(Object.fromEntries(properties), SENT);
}

// Return the numbers of ready messages and of consumers.
async function counts(channel) {
  const { messageCount, consumerCount } = await channel.checkQueue(QUEUE);
  return [messageCount, consumerCount];
}

// Declare a missing queue passively, and check the error.
async function notFound(channel, missing) {
  channel.on('error', () => {}); // it would end the process
  await assert.rejects(channel.checkQueue(missing), { code: 404 });
}

function connect(url) {
  return amqplib.connect(url, { timeout: CONNECT_TIMEOUT });
}

const STEPS = [
  declare,
  publish,
  get,
  get_empty,
  consume,
  redeliver,
  cancel,
  mandatory_return,
  channel_error,
  delete_,
];

async function main(url) {
  const connection = await connect(url);
  for (const step of STEPS) {
    await step(connection);
    console.log('ok', step.name.replace(/_$/, ''));
  }
  await connection.close();
  await login_refused(url);
  console.log('ok', login_refused.name);
}

setTimeout(() => {
  console.error(`not finished after ${TIMEOUT} ms`);
  process.exit(1);
}, TIMEOUT).unref();
main(process.argv[2]).catch((error) => {
  console.error(error);
  process.exit(1);
});
