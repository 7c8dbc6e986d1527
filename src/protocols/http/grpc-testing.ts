/** A service of gRPC for tests: its descriptors, a real server, and a real client through a room. */
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import {
  type FileDescriptorSet,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { domain, token } from './room-testing.ts';

type FieldInit = readonly [number: number, name: string, type: Type | string, how?: 'repeated'];

function field([number, name, type, how]: FieldInit) {
  const label = how === 'repeated' ? Label.REPEATED : Label.OPTIONAL;
  const plain = { number, name, label, jsonName: name.replace(/_(.)/g, (_, one: string) => one.toUpperCase()) };
  return typeof type === 'string' ? { ...plain, type: Type.MESSAGE, typeName: type } : { ...plain, type };
}

function message(name: string, ...fields: FieldInit[]) {
  return { name, field: fields.map(field) };
}

/** `newer`: with a field in answers and requests that the other one does not know. */
function descriptors(newer: boolean): FileDescriptorSet {
  const more: FieldInit[] = newer ? [[15, 'note', Type.STRING]] : [];
  const method = (name: string, clientStreaming: boolean, serverStreaming: boolean) => ({
    ...{ name, inputType: '.shop.v1.Order', outputType: '.shop.v1.Receipt', clientStreaming, serverStreaming },
  });
  return create(FileDescriptorSetSchema, {
    file: [
      {
        name: 'shop.proto',
        package: 'shop.v1',
        syntax: 'proto3',
        messageType: [
          message('Item', [1, 'sku', Type.STRING], [2, 'count', Type.INT32]),
          message(
            'Order',
            [1, 'customer_id', Type.STRING],
            [2, 'items', '.shop.v1.Item', 'repeated'],
            [3, 'express', Type.BOOL],
            [4, 'password', Type.STRING],
            ...more,
          ),
          message(
            'Receipt',
            [1, 'text', Type.STRING],
            [2, 'card_number', Type.STRING],
            [3, 'items', '.shop.v1.Item', 'repeated'],
            [4, 'total', Type.INT64],
            ...more,
          ),
        ],
        service: [
          {
            name: 'Shop',
            method: [
              method('Buy', false, false),
              method('Watch', false, true),
              method('Fill', true, false),
              method('Chat', true, true),
            ],
          },
        ],
      },
    ],
  });
}

/** What a resource is given, in base 64. */
export function descriptorSet(): string {
  return Buffer.from(toBinary(FileDescriptorSetSchema, descriptors(false))).toString('base64');
}

const registry = createFileRegistry(descriptors(true));

function codec(name: string) {
  const type = registry.getMessage(name) as DescMessage;
  return {
    serialize: (value: JsonObject) => Buffer.from(toBinary(type, fromJson(type, value))),
    deserialize: (bytes: Buffer) => toJson(type, fromBinary(type, bytes)) as JsonObject,
  };
}

const order = codec('shop.v1.Order');
const receipt = codec('shop.v1.Receipt');
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  ...{ path: `/shop.v1.Shop/${name}`, requestStream, responseStream },
  ...{ requestSerialize: order.serialize, requestDeserialize: order.deserialize },
  ...{ responseSerialize: receipt.serialize, responseDeserialize: receipt.deserialize },
});
const service = {
  Buy: method('Buy', false, false),
  Watch: method('Watch', false, true),
  Fill: method('Fill', true, false),
  Chat: method('Chat', true, true),
};

export interface GrpcTarget {
  readonly port: number;
  /** Orders as they came. */
  readonly orders: JsonObject[];
  stop(): Promise<void>;
}

/** Answers each order with `answer(order)`; a call with many with one receipt for the last, or for each. */
export async function startGrpcTarget(answer: (order: JsonObject) => JsonObject): Promise<GrpcTarget> {
  const server = new grpc.Server();
  const orders: JsonObject[] = [];
  const take = (one: JsonObject): JsonObject => {
    orders.push(one);
    return answer(one);
  };
  server.addService(service, {
    Buy: (call: grpc.ServerUnaryCall<JsonObject, JsonObject>, done: grpc.sendUnaryData<JsonObject>) =>
      done(null, take(call.request)),
    Watch: (call: grpc.ServerWritableStream<JsonObject, JsonObject>) => {
      for (let count = 0; count < 3; count++) call.write(take(call.request));
      call.end();
    },
    Fill: (call: grpc.ServerReadableStream<JsonObject, JsonObject>, done: grpc.sendUnaryData<JsonObject>) => {
      let last: JsonObject = {};
      call.on('data', (one: JsonObject) => {
        last = take(one);
      });
      call.on('end', () => done(null, last));
    },
    Chat: (call: grpc.ServerDuplexStream<JsonObject, JsonObject>) => {
      call.sendMetadata(new grpc.Metadata());
      call.on('data', (one: JsonObject) => call.write(take(one)));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return {
    port,
    orders,
    stop: async () => server.forceShutdown(),
  };
}

export interface GrpcOutcome {
  readonly code: number;
  readonly details: string;
  readonly receipts: readonly JsonObject[];
}

type Call = grpc.ClientReadableStream<JsonObject> | grpc.ClientDuplexStream<JsonObject, JsonObject>;

/** Where a client connects: a room, or an origin of a whole gateway. */
export interface GrpcServerName {
  readonly port: number;
  readonly authority?: string;
  /** The authority of its certificate, as PEM; absent: no TLS. */
  readonly ca?: Buffer;
  readonly bearer?: string;
}

/** A stock client with the token. */
export class GrpcClient {
  readonly #client: grpc.Client;
  readonly #bearer: string;
  /** Receipts of calls with many, so far. */
  received = 0;

  constructor(
    { port, authority, ca, bearer }: GrpcServerName,
    { compress = false }: { readonly compress?: boolean } = {},
  ) {
    this.#bearer = bearer ?? token;
    const credentials = ca === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(ca);
    this.#client = new grpc.Client(`127.0.0.1:${port}`, credentials, {
      'grpc.default_authority': authority ?? `orders.${domain}:${port}`,
      // The name in the handshake, and the one that the certificate must have.
      ...(authority === undefined ? {} : { 'grpc.ssl_target_name_override': authority.replace(/:\d+$/, '') }),
      ...(compress ? { 'grpc.default_compression_algorithm': 2 } : {}),
    });
  }

  close(): void {
    this.#client.close();
  }

  /** One order, or all of them one after another. `between` is awaited before each but the first. */
  async call(
    name: keyof typeof service,
    orders: readonly JsonObject[],
    between?: (at: number) => Promise<void>,
  ): Promise<GrpcOutcome> {
    const { path, requestSerialize, responseDeserialize, requestStream, responseStream } = service[name];
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${this.#bearer}`);
    const options = { deadline: Date.now() + 30_000 };
    const receipts: JsonObject[] = [];
    const outcome = Promise.withResolvers<GrpcOutcome>();
    const settle = ({ code, details }: { readonly code: number; readonly details: string }): void =>
      outcome.resolve({ code, details, receipts });
    const answered = (error: grpc.ServiceError | null, value?: JsonObject): void => {
      if (value !== undefined) receipts.push(value);
      settle(error ?? { code: 0, details: '' });
    };
    const client = this.#client;
    if (!requestStream && !responseStream) {
      client.makeUnaryRequest(path, requestSerialize, responseDeserialize, orders[0]!, metadata, options, answered);
      return outcome.promise;
    }
    const listen = (call: Call): void => {
      call.on('data', (one: JsonObject) => {
        receipts.push(one);
        this.received++;
      });
      call.on('error', settle);
      call.on('status', settle);
    };
    if (!requestStream) {
      listen(
        client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, orders[0]!, metadata, options),
      );
      return outcome.promise;
    }
    let sending: { write(one: JsonObject): boolean; end(): void };
    if (responseStream) {
      const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
      listen(call);
      sending = call;
    } else {
      sending = client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadata,
        options,
        answered,
      );
    }
    for (const [at, one] of orders.entries()) {
      if (at > 0) await between?.(at);
      sending.write(one);
    }
    sending.end();
    return outcome.promise;
  }
}
