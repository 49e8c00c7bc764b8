// A device on Microsoft's Node SDK: `device.js session` does what a device does with a hub, `certificate` comes in with
// one, `login` only tries to come in. Each step is told as a JSON line.
'use strict';

const fs = require('fs');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');

const PATIENCE_MS = 60000;

function tell(step, what) {
  fs.writeSync(1, JSON.stringify({ step, ...what }) + '\n');
}

// What came in, in its order, for whoever asks next.
class Inbox {
  constructor() {
    this.items = [];
    this.waiting = [];
  }

  put(item) {
    const next = this.waiting.shift();
    if (next) next(item);
    else this.items.push(item);
  }

  async next(name) {
    if (this.items.length) return this.items.shift();
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${name} did not come`)), PATIENCE_MS);
    });
    const item = await Promise.race([new Promise((resolve) => this.waiting.push(resolve)), late]);
    clearTimeout(timer);
    return item;
  }
}

async function device() {
  const client = Client.fromConnectionString(process.env.CONNECTION_STRING, Mqtt);
  const text = (path) => fs.readFileSync(path, 'ascii');
  const { CA_FILE, CERTIFICATE_FILE, KEY_FILE } = process.env;
  const own = CERTIFICATE_FILE ? { cert: text(CERTIFICATE_FILE), key: text(KEY_FILE) } : {};
  await client.setOptions({ ca: text(CA_FILE), ...own });
  return client;
}

function textMessage(text, id) {
  const message = new Message(text);
  message.messageId = id;
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('line name', 'line 1/ü+');
  return message;
}

async function answerMethod(calls, step) {
  const [request, response] = await calls.next(step);
  await response.send(200, { seen: request.payload });
  tell(step, { name: request.methodName, payload: request.payload });
}

async function session() {
  const client = await device();
  const [wishes, calls, messages] = [new Inbox(), new Inbox(), new Inbox()];
  await client.open();
  client.on('message', (message) => messages.put(message));
  client.onDeviceMethod('look', (request, response) => calls.put([request, response]));
  const twin = await client.getTwin();
  twin.on('properties.desired', (patch) => wishes.put(patch));
  tell('connected');

  await client.sendEvent(textMessage('{"n": 1}', 'report 1'));
  tell('sent');
  // The SDK gives the properties that are there to whoever begins to listen.
  tell('twin', { desired: await wishes.next('the twin') });
  await new Promise((resolve, reject) => {
    const patch = { threshold: 0.5, model: { name: 'pcb' } };
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
  tell('reported');
  tell('desired', { patch: await wishes.next('desired') });
  await answerMethod(calls, 'method');
  const message = await messages.next('message');
  await client.complete(message);
  const properties = message.properties.propertyList.map(({ key, value }) => [key, value]);
  const body = message.getData().toString();
  tell('message', { id: message.messageId, body, properties: Object.fromEntries(properties) });

  await client.sendEvent(textMessage('{"n": 2}', 'report 2'));
  tell('sent over a cut');
  await new Promise((resolve) => process.stdin.once('data', resolve));
  tell('lost');
  await client.sendEvent(textMessage('{"n": 3}', 'report 3'));
  tell('sent again');
  tell('desired again', { patch: await wishes.next('desired again') });
  await answerMethod(calls, 'method again');
  await client.close();
  tell('disconnected', { messages_left: messages.items.length });
}

async function certificate() {
  const client = await device();
  await client.open();
  await client.sendEvent(textMessage('{}', 'first'));
  tell('sent');
  const twin = await client.getTwin();
  tell('twin', { twin: { desired: twin.properties.desired, reported: twin.properties.reported } });
  await client.close();
}

async function login() {
  const client = await device();
  try {
    await client.open();
    tell('connected');
    await client.close();
  } catch (error) {
    tell('refused', { error: error.name });
  }
}

({ session, certificate, login })[process.argv[2]]()
  .then(() => process.exit(0))
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
