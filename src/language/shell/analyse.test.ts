// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts for a shell
/** Tables: what single texts mean. What really runs is `oracle.test.ts`. */
import { describe, expect, test } from 'vitest';
import { effectOfShell, type ShellAnalysis } from '../../core/shell.ts';
import { shellFlags } from '../../core/shell-effects.ts';
import { analyseShell, type ShellContext, shellTextBytesMax } from './index.ts';
import { braceWordsMax, shellCommandsMax } from './limits.ts';

const context: ShellContext = { dialect: 'bash', cwd: '/u/ann', home: '/u/ann', stdin: 'terminal' };
const analyse = (text: string, more: Partial<ShellContext> = {}): ShellAnalysis =>
  analyseShell(text, { ...context, ...more });

/** `rm -r x (sudo > sh -c) as root on web`, without the wrappers themselves. */
const spell = ({ commands }: ShellAnalysis): string[] =>
  commands.map(({ argv, via, asUser, host }) =>
    [
      argv.map((word) => word ?? '?').join(' '),
      ...(via.length > 0 ? [`(${via.join(' > ')})`] : []),
      ...(asUser === null ? [] : [`as ${asUser}`]),
      ...(host === null ? [] : [`on ${host}`]),
    ].join(' '),
  );
const last = (text: string): string => spell(analyse(text)).at(-1) ?? '';

describe('wrappers', () => {
  test.each([
    ['sudo rm x', 'rm x (sudo) as root'],
    ['sudo -nHu bob rm x', 'rm x (sudo) as bob'],
    ['sudo --us bob rm x', 'rm x (sudo) as bob'],
    ['sudo -u "$who" rm x', 'rm x (sudo) as *'],
    ['sudo A=1 rm x', 'rm x (sudo) as root'],
    ['doas -u bob rm x', 'rm x (doas) as bob'],
    ['su - bob -c "rm x"', 'rm x (su -c) as bob'],
    ['runuser -u bob -- rm x', 'rm x (runuser) as bob'],
    ['env -i -u B A=1 rm x', 'rm x (env)'],
    ["env -S 'A=1 rm x' y", 'rm x y (env -S > env)'],
    ['nice -n 5 ionice -c 2 nohup timeout -k 1 5 rm x', 'rm x (nice > ionice > nohup > timeout)'],
    ['chroot /mnt rm x', 'rm x (chroot)'],
    ['nsenter -t 1 -m -- rm x', 'rm x (nsenter)'],
    ['flock /l -c "rm x"', 'rm x (flock -c)'],
    ['watch -n 1 "rm x"', 'rm x (watch)'],
    ['find . -name a -execdir rm {} +', 'rm ? (find -execdir)'],
    ['ls | xargs -n 1 rm', 'rm ? (xargs)'],
    ['echo a b | xargs rm', 'rm a b (xargs)'],
    ['ssh -p 2222 ann@web -l bob rm x', 'rm x (ssh) as bob on web'],
    ['ssh web "cd /; rm x"', 'rm x (ssh) on web'],
    ['kubectl exec -n prod web-1 -c app -- rm x', 'rm x (kubectl exec) on web-1'],
    ['docker exec -u 0 web rm x', 'rm x (docker exec) as 0 on web'],
    ['docker run --rm -v /:/h alpine rm x', 'rm x (docker run) on alpine'],
    ['podman run --entrypoint rm alpine x', 'rm x (podman run) on alpine'],
    ['tmux new -d "rm x"', 'rm x (tmux new)'],
    ['systemd-run --uid=bob rm x', 'rm x (systemd-run) as bob'],
    ['echo rm x | at now', 'rm x (at)'],
    ['script -qc "rm x" /dev/null', 'rm x (script -c)'],
    ['tar cf a --checkpoint-action=exec="rm x" b', 'rm x (tar --checkpoint-action)'],
    ['rsync -e "rm x" a b:', 'rm x (rsync -e)'],
    ['git -c core.pager="rm x" log', 'rm x (git -c)'],
    ['git -c alias.y="!rm x" y', 'rm x (git -c)'],
    ['ssh -o ProxyCommand="rm x" web uptime', 'uptime (ssh) on web'],
    ['busybox rm x', 'rm x (busybox)'],
    ['ip netns exec blue rm x', 'rm x (ip exec)'],
    ['proxychains rm x', 'rm x (proxychains)'],
    ['nobody-knows-this rm x', 'rm x (nobody-knows-this)'],
    ['sh -c "sh -c \'rm x\'"', 'rm x (sh -c > sh -c)'],
    ['bash -c \'rm "$1"\' _ x', 'rm x (bash -c)'],
    ['command -p rm x', 'rm x (command)'],
    ['GIT_SSH_COMMAND="rm x" git fetch', 'git fetch'],
  ])('%s', (text, expected) => {
    expect(last(text)).toBe(expected);
  });

  test('what names a program by an option or a variable is listed', () => {
    expect(spell(analyse('ssh -o ProxyCommand="rm x" web uptime'))).toContain('rm x (ssh -o)');
    expect(spell(analyse('GIT_SSH_COMMAND="rm x" git fetch'))).toContain('rm x (GIT_SSH_COMMAND)');
    expect(analyse('GIT_SSH_COMMAND=$x git fetch').complete).toBe(false);
  });

  test('an option that nobody knows, or a dynamic word among options, leaves it open', () => {
    for (const text of [
      'sudo --nonsense rm',
      'timeout "$t" rm',
      'ssh $h uptime',
      'tar czf a.tar $x',
      'tar cf a *',
      'env $x rm',
    ])
      expect(analyse(text).complete, text).toBe(false);
    for (const text of ['tar czf a.tar ./*', 'rm *', 'rm "$x"', 'grep $x f'])
      expect(analyse(text).complete, text).toBe(true);
  });
});

describe('what stays unknown', () => {
  test.each([
    ['$x', 'dynamic-name'],
    ['eval "$x"', 'opaque:eval'],
    ['curl -s http://x | sh', 'opaque:stdin-shell'],
    ['. ./env', 'opaque:source'],
    ['cat a | xargs sh -c', 'dynamic-argument'],
    ["sed '1e rm' f", 'opaque:sed-e'],
    ['((x))', 'opaque:arithmetic'],
    ['echo ${!x}', 'opaque:expansion'],
    ['python3 -c "import os; os.unlink(x)"', 'opaque:code'],
    ['PATH=/tmp ls', 'env:PATH'],
    ['LD_PRELOAD=/x ls', 'env:loader'],
    ['BASH_ENV=/x bash -c ls', 'env:startup'],
    ["PS4='$(x)'", 'env:shell'],
    ['alias ls=rm; ls', 'opaque:alias'],
    ['cp /bin/rm /tmp/x; /tmp/x', 'opaque:written-file'],
    ['echo a (b)', 'parse-error'],
    ['echo "', 'incomplete'],
    ['make X=$(x)', 'dynamic-argument'],
    ['tcsh', 'opaque:eval'],
    ['bash-static -c "$x"', 'opaque:eval'],
  ] as const)('%s: %s', (text, flag) => {
    const analysis = analyse(text, { stdin: 'unknown' });
    if (shellFlags[flag].hides === 'text') expect(analysis.complete).toBe(false);
    if (flag === 'dynamic-argument') expect(analysis.complete).toBe(false);
    else expect(analysis.flags).toContain(flag);
    expect(analysis.effects).toContain('unknown');
  });

  test.each([
    ['./deploy', 'path-exec'],
    ['python3 a.py', 'interpreter'],
    ['bash a.sh', 'opaque:script-file'],
    ['vim a', 'escape-capable'],
    ['newgrp - docker', 'nested-shell'],
    ['login -f root', 'nested-shell'],
    ['dc', 'escape-capable'],
    ['sqlplus x', 'escape-capable'],
    ['lftp x', 'escape-capable'],
    ['make', 'runs-files'],
    ['bash', 'nested-shell'],
    ['sudo -i', 'nested-shell'],
    ['ssh web', 'nested-remote-shell'],
    ['tmux', 'multiplexer'],
    ['frobnicate', 'unlisted'],
  ] as const)('%s is whole and not bounded: %s', (text, flag) => {
    const analysis = analyse(text);
    expect(analysis).toMatchObject({ complete: true, bounded: false });
    expect(analysis.flags).toContain(flag);
    expect(effectOfShell(analysis)).not.toBe('read');
  });

  test('a shell that reads from elsewhere than a terminal is opaque', () => {
    expect(analyse('bash', { stdin: 'unknown' }).complete).toBe(false);
    expect(spell(analyse('bash -s', { stdin: { text: 'rm x\n' } })).at(-1)).toBe('rm x (| bash)');
  });

  test('history is expanded only at a prompt', () => {
    for (const text of ['!!', 'sudo !!', '!rm', '^a^b', 'echo "!x"']) {
      expect(analyse(text, { isInteractive: true }).complete, text).toBe(false);
    }
    for (const text of ["echo '!x'", 'ls !(a)', '! ls', '[[ a != b ]]', 'echo $!']) {
      expect(analyse(text, { isInteractive: true }).flags, text).not.toContain('opaque:expansion');
    }
  });

  test('other shells read some of it otherwise', () => {
    expect(analyse('((rm x))', { dialect: 'sh' })).toMatchObject({ complete: false });
    expect(spell(analyse('((rm x))', { dialect: 'sh' }))).toContain('rm x (subshell)');
    for (const text of ['=rm x', 'ls *(e:rm:)', 'echo $x[1]', 'repeat 3 rm', '> f'])
      expect(analyse(text, { dialect: 'zsh' }).complete, text).toBe(false);
    for (const text of ['echo (rm)', "echo 'a\\'", 'begin; rm; end', 'set x rm'])
      expect(analyse(text, { dialect: 'fish' }).complete, text).toBe(false);
    expect(analyse('ls -la | grep x', { dialect: 'fish' }).complete).toBe(true);
    expect(analyse('ls -la | grep x', { dialect: 'unknown' }).complete).toBe(true);
  });
});

describe('effects, verbs and paths', () => {
  test.each([
    ['rm -rf /', 'destructive'],
    ['rm -r /*', 'destructive'],
    ['rm -rf ~', 'destructive'],
    ['cd /; rm -rf etc', 'destructive'],
    ['rm -rf --no-preserve-root /x', 'destructive'],
    ['dd if=a of=/dev/sda', 'destructive'],
    ['cat a > /dev/sda', 'destructive'],
    ['mkfs.ext4 /dev/sdb1', 'destructive'],
    ['chmod -R 777 /', 'destructive'],
    ['chown -R a /usr', 'destructive'],
    ['kill -9 -1', 'destructive'],
    ['iptables -F', 'destructive'],
    ['userdel bob', 'destructive'],
    ['crontab -r', 'destructive'],
    ['reboot', 'system-control'],
    ['systemctl reboot', 'system-control'],
    ['systemctl restart nginx', 'service-control'],
    ['truncate -s 0 f', 'delete'],
    ['find / -delete', 'destructive'],
    ['apt-get install x', 'package'],
    ['useradd x', 'user-admin'],
    ['git push', 'network'],
    ['sudo ls', 'privilege'],
    ['ssh web ls', 'remote'],
    ['trap ls EXIT', 'shell-config'],
  ] as const)('%s: %s', (text, effect) => {
    expect(analyse(text).effects).toContain(effect);
  });

  test('reading is proven only where nothing else can be', () => {
    for (const text of [
      'ls -l',
      'cat a | grep b',
      'systemctl status nginx',
      'kubectl get pods',
      'git log',
      'crontab -l',
    ])
      expect(effectOfShell(analyse(text)), text).toMatch(/^(?:read|write)$/);
    expect(effectOfShell(analyse('ls -l | grep x'))).toBe('read');
    expect(effectOfShell(analyse('systemctl status nginx'))).toBe('read');
    for (const text of ['ls > f', 'rm x', 'sed -i s/a/b/ f', 'sort -o f f'])
      expect(effectOfShell(analyse(text)), text).toBe('write');
    for (const text of ['$x', 'frobnicate', 'bash a.sh', 'python3 a.py', './x'])
      expect(effectOfShell(analyse(text)), text).not.toBe('read');
  });

  test.each([
    ['systemctl --user restart nginx', ['systemctl restart']],
    ['service nginx restart', ['service restart']],
    ['git -C /x push -f', ['git push']],
    ['docker container rm x', ['docker container', 'docker container rm', 'docker rm']],
    ['kubectl -n p delete pod web', ['kubectl delete', 'kubectl delete pod']],
    ['iptables -t nat -F', ['iptables -F']],
    ['sudo systemctl stop x', ['systemctl stop']],
  ])('%s', (text, verbs) => {
    expect(analyse(text).commands.at(-1)!.verbs).toEqual(verbs);
  });

  test('a dynamic verb is not known', () => {
    expect(analyse('systemctl "$x" nginx').commands[0]!.unknown).toContain('verbs');
  });

  test('paths are canonical against a known directory', () => {
    const pathsOf = (text: string, more: Partial<ShellContext> = {}): string[] =>
      analyse(text, more).commands.flatMap(({ paths }) =>
        paths.map((one) => `${one.access} ${one.path}${one.isCanonical ? '' : ' ?'}${one.isRecursive ? ' /**' : ''}`),
      );
    expect(pathsOf('rm -r ../bob/./x')).toEqual(['delete /u/bob/x /**']);
    expect(pathsOf('cd /etc; cat passwd')).toContain('read /etc/passwd');
    expect(pathsOf('cd "$x"; cat passwd')).toContain('read passwd ?');
    expect(pathsOf('(cd /etc); cat passwd')).toContain('read /u/ann/passwd');
    expect(pathsOf('cp a ~/b /etc/c')).toEqual(['read /u/ann/a', 'read /u/ann/b', 'write /etc/c']);
    expect(pathsOf('mv a b')).toEqual(['delete /u/ann/a /**', 'write /u/ann/b /**']);
    expect(pathsOf('ssh web cat passwd')).toEqual(['read passwd ?']);
    expect(pathsOf('dd if=/dev/zero of=x')).toEqual(['read /dev/zero', 'write /u/ann/x']);
    const { redirects } = analyse('ls > out 2>&1 < in');
    expect(redirects.map(({ operator, path }) => `${operator} ${path!.path}`)).toEqual(['> /u/ann/out', '< /u/ann/in']);
  });
});

describe('transfers at the target', () => {
  test.each([
    ['scp -r -t -- /tmp/a', { program: 'scp', direction: 'upload', paths: ['/tmp/a'], isRecursive: true }],
    ['scp -v -f a.txt', { program: 'scp', direction: 'download', paths: ['a.txt'], isRecursive: false }],
    ['scp -f *.txt', { program: 'scp', direction: 'download', paths: [null], isRecursive: false }],
    [
      'rsync --server -vlogDtpre.iLsfxCIvu . /data/',
      { program: 'rsync', direction: 'upload', paths: ['/data/'], isRecursive: true },
    ],
    [
      'rsync --server --sender -vte.iLsfxCIvu . /data/f',
      { program: 'rsync', direction: 'download', paths: ['/data/f'], isRecursive: false },
    ],
    [
      "git-upload-pack '/srv/x.git'",
      { program: 'git', direction: 'download', paths: ['/srv/x.git'], isRecursive: true },
    ],
    [
      "git receive-pack '/srv/x.git'",
      { program: 'git', direction: 'upload', paths: ['/srv/x.git'], isRecursive: true },
    ],
    ['/usr/lib/openssh/sftp-server', { program: 'sftp', direction: 'both', paths: [], isRecursive: true }],
    ['internal-sftp', { program: 'sftp', direction: 'both', paths: [], isRecursive: true }],
  ])('%s', (text, transfer) => {
    expect(analyse(text).transfer).toEqual(transfer);
  });

  test.each([
    'scp a b:',
    'scp -t a; rm x',
    'scp -t a > b',
    'scp -t $(rm x)',
    'sudo scp -t a',
    'rsync -a a b',
    'cd /; scp -t a',
    'git-upload-pack a b',
  ])('%s is none', (text) => {
    expect(analyse(text).transfer).toBeNull();
  });
});

describe('bounds', () => {
  test('text at the limit, and one past it', () => {
    const text = `ls ${'x'.repeat(shellTextBytesMax - 3)}`;
    expect(analyse(text).complete).toBe(true);
    expect(analyse(`${text}x`)).toMatchObject({ complete: false, flags: ['too-large'], commands: [] });
  });

  test('braces at the limit, and one past it', () => {
    expect(analyse(`ls {1..${braceWordsMax}}`).complete).toBe(true);
    expect(analyse(`ls {1..${braceWordsMax + 1}}`).flags).toContain('too-complex');
  });

  test('commands, depth and steps', () => {
    const many = analyse(Array.from({ length: shellCommandsMax + 1 }, (_, index) => `a${index}`).join(';'));
    expect(many).toMatchObject({ complete: false });
    expect(many.commands.length).toBeLessThanOrEqual(shellCommandsMax);
    expect(analyse(`${'env '.repeat(40)}rm`).flags).toContain('depth');
    expect(analyse(`${'env '.repeat(20)}rm`).complete).toBe(true);
    expect(
      analyse('for a in {1..30}; do for b in {1..30}; do for c in {1..30}; do ls $a$b$c; done; done; done').flags,
    ).toContain('too-complex');
  });

  test.each([
    ['nested substitutions', '$('.repeat(30_000)],
    ['nested parameters', '${a:-'.repeat(12_000)],
    ['quotes', '"'.repeat(60_000)],
    ['backticks', '`'.repeat(60_000)],
    ['brackets', '('.repeat(60_000)],
    ['braces', '{a,'.repeat(20_000)],
    ['functions that call themselves', 'f() { f; f; }; f'],
    [
      'functions that call each other',
      Array.from({ length: 1000 }, (_, at) => `f${at}() { f${at + 1}; f${at + 1}; };`).join(''),
    ],
    ['values that double', `x=aaaaaaaa;${'x=$x$x;'.repeat(40)}eval $x`],
    ['a text that evaluates itself', 'x=\'eval "$x"\'; eval "$x"'],
    ['zero bytes', 'ls\0rm'],
    ['half a character', 'ls \ud800'],
  ])('%s neither throw nor pass for whole', (_, text) => {
    const analysis = analyse(text);
    expect(analysis.reasons.every(({ about }) => about.length <= 200)).toBe(true);
    if (!text.startsWith('f()')) expect(analysis.complete && analysis.bounded).toBe(false);
  });

  test('the same text gives the same', () => {
    const text = 'f() { "$@"; }; f rm x | sh; $y';
    expect(analyse(text)).toEqual(analyse(text));
  });

  test('every flag has reasons', () => {
    const { flags, reasons } = analyse('$x; eval $y; vim; sudo -i; PATH=/x');
    for (const flag of flags) expect(reasons.some(({ code }) => code === flag)).toBe(true);
  });
});

describe('variables that are given a value by other means than an assignment', () => {
  test.each([
    "printf -v PS1 '%s' '$(rm x)'",
    'mapfile PS1 < f',
    'read -r -a PS1 < f',
    "for PS1 in '$(rm x)'; do :; done",
    'select PS1 in a; do :; done',
    'getopts a PS1',
    'wait -p PS1',
    ": ${PS1:='$(rm x)'}",
    'for LD_PRELOAD in ./x.so; do ls; done',
    "declare -n r=PS1; r='$(rm x)'",
  ])('%s: the shell or a program may run something by it', (text) => {
    expect(analyse(text).complete).toBe(false);
  });

  test.each([
    ["complete -W '$(rm x)' some", 'rm'],
    ['zmodload zsh/sched; sched +1:00 rm x', 'rm'],
    ['NULLCMD=rm; > x', 'rm'],
  ])('%s runs %s', (text, program) => {
    const { commands } = analyse(text, { dialect: 'zsh' });
    expect(commands.map((command) => command.program)).toContain(program);
  });

  test.each(['printf -v x %s y', 'for x in a b; do echo $x; done', 'read -r line', 'mapfile -t lines', 'getopts ab o'])(
    '%s is ordinary',
    (text) => expect(analyse(text).bounded).toBe(true),
  );
});

describe('known programs that a word of theirs makes start another, or load code', () => {
  test.each([
    'zip a b -T -TT x',
    'zip a b --unzip-command=x',
    'gcc -wrapper x a.c',
    'gcc-12 -fplugin=./x.so a.c',
    'ld --plugin ./x.so a.o',
    'openssl engine -t ./x.so',
    'dpkg --pre-invoke=x -l',
    'dpkg -i ./x.deb',
    'apt-get install ./x.deb',
    "rpm --eval '%(x)'",
    'logsave f ./x',
    'cpulimit -l 1 ./x',
    'ssh-keygen -D ./x.so',
    'ssh-add -s ./x.so',
    'gpg --photo-viewer x f',
    'ctags --options=x',
    'patch --ed f',
    'coredumpctl debug',
    'rg --pre x y',
    'rg $x',
    'bat --pager x f',
    'logrotate ./x.conf',
    'ldd ./x',
    'curl -K f',
    'mutt',
  ])('%s is not bounded', (text) => expect(analyse(text).bounded).toBe(false));

  test.each([
    'gcc -O2 -o a a.c -lm',
    'ld -o a a.o',
    'openssl x509 -in c.pem -text',
    'dpkg -l',
    'rpm -qa',
    'ssh-keygen -t ed25519 -f k',
    'gpg --verify a.sig a',
    'ctags -R',
    'rg -n "some text" src',
    'ldd /bin/ls',
    'curl -fsS https://example.com',
    'apt-get install nginx',
  ])('%s is', (text) => expect(analyse(text).bounded).toBe(true));
});
