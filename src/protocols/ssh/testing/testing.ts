/** Everything that tests of the SSH room share: real servers, real clients, keys. See the headers of the parts. */
export * from './client-testing.ts';
export * from './openssh-testing.ts';
export * from './sshd-testing.ts';
