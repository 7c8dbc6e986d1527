/**
 * Which of OpenSSH's regression scripts are run, and what is known to be otherwise through the gateway, with the reason.
 *
 * Not here: scripts without a server (ssh-keygen, configuration files), those about sshd's own configuration of logins
 * (principals, several methods in a row, options in authorized_keys, chroot, PAM), those that change sshd's host keys on the
 * way (keytype, hostkey-rotate: the gateway shows keys of its own and pins the target's), and integrity and percent, which
 * are about the client alone.
 */
export interface Script {
  readonly name: string;
  /** Says that a line of the script that fails through the gateway only is meant to, and why. */
  readonly explained?: readonly { readonly line: RegExp; readonly why: string }[];
}

export const scripts: readonly Script[] = [
  { name: 'connect' },
  {
    name: 'proxy-connect',
    explained: [
      {
        line: /SSH_CONNECTION|^result|proxy connect$/,
        why: 'the target sees the gateway’s connection, which has addresses',
      },
    ],
  },
  { name: 'connect-uri' },
  { name: 'exit-status' },
  { name: 'exit-status-signal' },
  { name: 'envpass' },
  { name: 'transfer' },
  { name: 'stderr-data' },
  { name: 'stderr-after-eof' },
  { name: 'broken-pipe' },
  { name: 'yes-head' },
  { name: 'localcommand' },
  {
    name: 'multiplex',
    explained: [
      {
        line: /connect to (local|remote) forward(ed)? path failed|^result|connection multiplexing$/,
        why: 'the script looks for the words in which sshd refuses a peer that is no SSH client; the gateway has its own',
      },
    ],
  },
  { name: 'forwarding' },
  { name: 'dynamic-forward' },
  { name: 'scp3' },
  { name: 'scp-uri' },
  { name: 'sftp-uri' },
  { name: 'brokenkeys' },
  { name: 'portnum' },
  { name: 'knownhosts' },
  {
    name: 'agent',
    explained: [
      {
        line: /^ssh connect with failed|^result|simple agent test$/,
        why: 'an authority in authorized_keys, which the stage does not read (seven times), and a DSA key, which is not taken',
      },
    ],
  },
  {
    name: 'rekey',
    explained: [
      {
        line: /^no rekeying occurred|^result|rekey$/,
        why: 'RekeyLimit of sshd’s configuration; the gateway’s limits are its own',
      },
    ],
  },
  {
    name: 'try-ciphers',
    explained: [
      {
        line: /mac (hmac-sha1|hmac-md5|umac-)\S* cipher|cipher \S+-cbc$|^result|try ciphers$/,
        why: 'CBC, SHA-1, MD5 and UMAC are not spoken',
      },
    ],
  },
  {
    name: 'kextype',
    explained: [
      {
        line: /diffie-hellman-group(1-|14-sha1|18-|-exchange)|sntrup761|^result|different key exchange algorithms$/,
        why: 'SHA-1, group exchange, group 18 and sntrup761 are not spoken (transport/README.md)',
      },
    ],
  },
  { name: 'putty-transfer' },
  { name: 'putty-ciphers' },
  { name: 'putty-kex' },
  {
    name: 'keyscan',
    explained: [
      { line: /-t (sk-\S+|ssh-dss) failed|^result|keyscan$/, why: 'the gateway has host keys ed25519, ecdsa and rsa' },
    ],
  },
  { name: 'proto-version' },
  {
    name: 'banner',
    explained: [
      {
        line: /./,
        why: 'a target’s banner is not passed on: the client has logged in by then, and it is not the target’s login',
      },
    ],
  },
];
