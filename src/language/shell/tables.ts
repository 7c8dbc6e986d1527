/**
 * What programs do, as tables: effects, which operands are paths, and which have subcommands.
 *
 * One line per family: names | effects | operands | options with values (`o=w`: a path that is written; `n`: no path) | letters
 * that make it recursive. Operands: `-` none is a path, `r w d x u` each is one with that access, `c` the last is written and the
 * others read, `m` the last is written and the others go away, `1r` the first is no path (a pattern, a mode).
 */
import type { ShellAccess } from '../../core/shell.ts';
import type { ShellEffect } from '../../core/shell-effects.ts';

export interface ProgramFacts {
  readonly effects: readonly ShellEffect[];
  readonly skip: number;
  readonly operands: ShellAccess | 'none' | 'copy' | 'move';
  readonly values: ReadonlyMap<string, ShellAccess | null>;
  readonly recursive: string;
}

const lines = `
ls ll dir vdir tree du df stat file lsattr getfacl readlink realpath wc cksum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum sum strings nm objdump readelf size ldd hexdump hd od cmp diff diff3 sdiff comm zcat bzcat xzcat zstdcat zdiff zcmp lz4cat col colrm column cut expand unexpand fmt fold nl paste pr rev tac tail head uniq join look tsort basename dirname cat less more most tailf lsof fuser getcap lesspipe bat exa eza xxd base32 base64 uuencode zless bzless xzless cfdisk-list blkid lsblk findmnt isoinfo ar-t pdftotext jq yq xmllint csvcut csvlook mlr gzip-l | read | r | n c s t f b d
grep egrep fgrep rgrep zgrep zegrep bzgrep xzgrep rg ag ack | read | 1r | e f=r m A B C D d | rR
tr echo printf true false : pwd whoami id groups logname who w users last lastb lastlog uptime uname arch hostid nproc free vmstat iostat mpstat pidstat sar numastat getconf locale date cal ncal sleep usleep seq yes expr factor bc dc test [ jobs fg bg type which whereis command-v ps pgrep pstree top atop iotop nmon pidof tty stty-a env-print printenv getent lscpu lsmem lspci lsusb lsmod lsns lsipc lslocks lslogins dmidecode hwinfo sensors acpi dmesg journalctl ss netstat route-n arp-n nstat tput clear reset history dirs help man-k apropos whatis info times ulimit umask cal numfmt shuf mcookie uuidgen pathchk tzselect chronyc-tracking getenforce sestatus aa-status zdump resolvectl-status systemd-analyze systemd-cgls systemd-cgtop systemd-path systemd-detect-virt loginctl-list busctl-list cloud-id lsb_release runlevel wait shift return exit break continue logout suspend read mapfile readarray getopts unset let local declare typeset export readonly compgen caller newgrp-l pinky finger ipcs lsinitramfs ethtool-i iwconfig ntpq nvidia-smi smartctl smem slabtop x86_64 getfattr rpcinfo showmount exportfs-v ausearch aureport auditctl-l tlp-stat who-am-i integer float print unalias set shopt hash rehash fc complete enable disable bind trap alias builtin command exec eval source . begin end and or not noglob nocorrect repeat - setopt unsetopt emulate zmodload autoload zle sched vared bindkey printf popd pushd cd chdir times xdpyinfo logger-n | read | -
sync fsync | disk | -
alias unalias set shopt setopt unsetopt emulate zmodload autoload zle bind bindkey complete enable disable hash trap export readonly declare typeset local umask ulimit sched vared | shell-config | -
wall write mesg logger notify-send systemd-notify | write | -
cd pushd popd chdir | read | r
touch mkdir mkfifo mknod mktemp truncate-w fallocate gzip gunzip bzip2 bunzip2 xz unxz zstd unzstd lzma lz4 compress uncompress csplit split iconv recode dos2unix unix2dos patch tee sponge unzip-w ctags indent | write | w | m t r=r d S p l n s size bs
truncate | write delete | w | s r=r size=n reference=r
rm unlink rmdir shred wipe srm trash trash-put | delete | d | n s | rR
cp install | write read | c | m o g S t=w b Z | rRa
mv rename | write delete | m | S t=w
ln link | write | c | S t=w
git-upload-pack git-upload-archive | read | r |
git-receive-pack | read write | w |
sftp-server internal-sftp | read write | - |
scp rcp | network read write | c | c F=r i=r J l o P S D | r
rsync | network read write | c | e f T B exclude include bwlimit | ra
dd | read write | - |
tar bsdtar star | read write | u | f=u C=w T=r X=r
zip unzip 7z 7za 7zr rar unrar cpio ar pax jar | read write | u | d=w x
chmod | permission | 1w | reference=r | R
chown chgrp | permission | 1w | from reference=r | R
chattr setfacl setcap chcon setfattr restorecon fixfiles semanage setsebool setenforce aa-enforce aa-complain aa-disable | permission | 1w | m x M X b n v t r u l F=r | R
kill killall pkill skill snice killall5 xkill tkill kill-all disown renice ionice-p chrt-p | process-control | - | n g u p s t P
strace ltrace gdb perf bpftrace trace-cmd crash gcore valgrind | process-control read | - | p o=w e
nice nohup timeout stdbuf setsid time taskset ionice chrt numactl prlimit flock watch env xargs parallel eatmydata catchsegv setarch linux32 linux64 unbuffer tini dumb-init fakeroot softlimit envdir setlock cgexec faketime rlwrap entr watchexec systemd-cat systemd-inhibit dbus-run-session ssh-agent run-parts busybox toybox coreutils hash-p proxychains proxychains4 torsocks torify cpulimit start-stop-daemon ld.so ld-linux-x86-64.so.2 ld-linux-x86-64.so ld-linux-aarch64.so.1 ld-linux.so.2 | execute | -
sudo doas su runuser pkexec dzdo gosu su-exec setpriv capsh chpst setuidgid envuidgid runcon sg newgrp aa-exec | privilege execute | -
chroot unshare nsenter systemd-nspawn | privilege execute container | -
systemd-run run0 | execute service-control | -
sh bash rbash dash ash zsh ksh mksh ksh93 yash fish | execute | -
python perl ruby node nodejs php lua luajit tclsh wish expect Rscript R osascript groovy julia java irb jshell pypy bun deno | interpreter | -
awk gawk mawk nawk | read | 1r | F v f=r
sed gsed | read | 1r | e f=r l
find fd fdfind locate mlocate plocate | read | - |
vi vim nvim view vimdiff rvim emacs nano pico joe mc ed ex vimtutor | interactive read write | w | c S=r u=r s=r T
man info tmux screen script htop dialog minicom telnet nmap lynx w3m links elinks | interactive unknown | -
visudo vipw vigr sudoedit | interactive user-admin privilege write | w
ssh autossh slogin rsh mosh | network remote execute | -
sftp ftp lftp tftp ncftp | network read write interactive | -
curl wget aria2c axel http https httpie xh | network read write | - | o=w O=w T=r d K=r b c=w E=r u H X A e
ping ping6 traceroute traceroute6 tracepath mtr dig host nslookup whois nc ncat netcat socat arping fping hping3 iperf iperf3 nmblookup ldapsearch snmpwalk snmpget smbclient rdesktop xfreerdp openssl-s telnet-c tcping curl-c speedtest ab wrk hey | network | -
mail mailx mutt sendmail msmtp swaks | network write | -
tcpdump tshark dumpcap ngrep | network read | - | w=w r=r
passwd chpasswd useradd userdel usermod adduser deluser addgroup delgroup groupadd groupdel groupmod gpasswd chage chsh chfn newusers pwconv pwunconv grpconv pwck grpck vipw faillock pam_tally2 realm | user-admin write | -
shutdown reboot halt poweroff init telinit kexec systemctl-poweroff rtcwake pm-suspend hibernate | system-control destructive | -
hostname domainname hostnamectl timedatectl localectl hwclock date-s ntpdate chronyd chronyc ntpd adjtimex | system-control | -
sysctl modprobe insmod rmmod depmod dkms kmod update-initramfs mkinitramfs dracut mkinitcpio update-grub grub-install grub-mkconfig efibootmgr | kernel | -
iptables ip6tables iptables-restore ip6tables-restore nft ufw firewall-cmd ipset ebtables arptables tc fail2ban-client csf | firewall | -
ifconfig route ifup ifdown dhclient dhcpcd arp bridge brctl ethtool wg wg-quick iw iwconfig nmcli nmtui networkctl resolvectl netplan vconfig ovs-vsctl tunctl | firewall network | -
ip | network | -
mount umount swapon swapoff mount.cifs mount.nfs fusermount sshfs losetup cryptsetup exportfs automount | mount | u | t o
mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mke2fs mkdosfs mkswap wipefs blkdiscard sgdisk sfdisk-w badblocks hdparm nvme | disk destructive | w | t L n O
fdisk parted cfdisk sfdisk gdisk partprobe resize2fs tune2fs e2fsck fsck fsck.ext4 xfs_repair xfs_growfs e2label debugfs pvcreate pvremove vgcreate vgremove vgextend lvcreate lvremove lvextend lvresize lvreduce pvs vgs lvs mdadm zpool zfs btrfs dmsetup fstrim multipath growpart quotaon setquota edquota | disk | u
apt apt-get aptitude dpkg yum dnf rpm zypper apk pacman snap flatpak brew emerge pkg opkg nix-env pip pip3 gem npm npx yarn pnpm cargo composer bundle go mvn gradle make gmake ninja cmake dpkg-reconfigure update-alternatives alternatives apt-key apt-mark add-apt-repository tasksel microdnf rpm-ostree conda poetry uv | package | -
apt-cache dpkg-query apt-file dlocate debsums repoquery | read | -
systemctl service chkconfig update-rc.d rc-service rc-update initctl invoke-rc.d supervisorctl pm2 monit apachectl apache2ctl a2ensite a2dissite a2enmod a2dismod nginx httpd launchctl sv svc runsv start stop restart svcadm pg_ctl pg_ctlcluster rabbitmqctl postfix postsuper logrotate | service-control | -
crontab at atq atrm batch anacron | schedule | -
docker podman nerdctl crictl ctr docker-compose podman-compose kubectl oc helm k3s k9s kubeadm minikube kind lxc incus lxc-attach machinectl vagrant virsh multipass buildah skopeo nomad | container remote | -
aws gcloud az doctl hcloud openstack terraform tofu pulumi vault consul etcdctl ansible ansible-playbook salt pssh pdsh clush puppet chef-client packer | network remote | -
psql mysql mariadb mysqldump mysqladmin pg_dump pg_dumpall pg_restore createdb dropdb createuser dropuser vacuumdb reindexdb sqlite3 redis-cli mongosh mongo mongodump mongorestore cqlsh influx clickhouse-client sqlcmd sqlplus rman | database | -
git svn hg cvs | read write | -
ssh-keygen ssh-add ssh-copy-id ssh-keyscan gpg gpg2 openssl certbot age sops keytool certutil kinit klist kdestroy step pass | read write | u | f=w out=w in=r keyout=w
loginctl busctl dbus-send gdbus coredumpctl | service-control | -
sort | read | r | o=w k t S T
tmate ttyd gotty | interactive network | -
export-x source . eval exec fg bg coproc | execute | -
history-c | write | -
getty login agetty | privilege interactive | -
Xvfb xinit startx firefox chromium code | interactive unknown | -
setleds setterm loadkeys stty tset chvt | write | -
logsave savelog newaliases postmap postalias makemap update-ca-certificates ldconfig mandb updatedb tmpreaper systemd-tmpfiles systemd-sysusers | write | -
gcc g++ cc c++ clang ld as strip objcopy ranlib rustc javac tsc | read write | u | o=w I L l
`;

const accesses: Readonly<Record<string, ProgramFacts['operands']>> = {
  '-': 'none',
  r: 'read',
  w: 'write',
  d: 'delete',
  x: 'execute',
  u: 'unknown',
  c: 'copy',
  m: 'move',
};

const programs = new Map<string, ProgramFacts>();
for (const line of lines.trim().split('\n')) {
  const [names, effects, operands = '-', values = '', recursive = ''] = line.split('|').map((part) => part.trim());
  const match = /^(\d*)(.)$/.exec(operands || '-')!;
  const facts: ProgramFacts = {
    effects: effects!.split(' ') as ShellEffect[],
    skip: Number(match[1] || 0),
    operands: accesses[match[2]!]!,
    values: new Map(
      values
        .split(' ')
        .filter((value) => value !== '')
        .map((value): [string, ShellAccess | null] => {
          const [name, kind] = value.split('=');
          return [name!, kind === undefined || kind === 'n' ? null : (accesses[kind] as ShellAccess)];
        }),
    ),
    recursive,
  };
  for (const name of names!.split(' ')) {
    const before = programs.get(name);
    // A builtin that stands in several lines has the effects of all.
    programs.set(
      name,
      before === undefined ? facts : { ...facts, effects: joinEffects(facts.effects, before.effects) },
    );
  }
}

/** Reading goes without saying where there is more. */
function joinEffects(a: readonly ShellEffect[], b: readonly ShellEffect[]): ShellEffect[] {
  const all = [...new Set([...a, ...b])];
  const more = all.filter((effect) => effect !== 'read');
  return more.length === 0 ? all : more;
}

export function factsOf(program: string): ProgramFacts | null {
  return programs.get(program) ?? null;
}

export function isKnownProgram(program: string): boolean {
  return programs.has(program);
}

export interface Subcommands {
  /** Options before the subcommand that take a value of their own. */
  readonly values: ReadonlySet<string>;
  /** Words that are the subcommand. */
  readonly depth: number;
  /** Subcommands that only read, or null where none does. */
  readonly reads: RegExp | null;
  /** Subcommands that have subcommands of their own, where not all do. */
  readonly groups?: RegExp;
  /** Further effects by subcommand. */
  readonly effects: readonly (readonly [RegExp, ShellEffect])[];
  /** First the object, then the verb: `service nginx restart`. */
  readonly isReversed?: boolean;
}

function sub(
  depth: number,
  values: string,
  reads: RegExp | null = null,
  effects: Subcommands['effects'] = [],
): Subcommands {
  return { depth, values: new Set(values.split(' ')), reads, effects };
}

const kubernetesReads =
  /^(?:get|describe|logs|top|explain|api-resources|api-versions|version|cluster-info|diff|auth|events|wait|config (?:view|get-contexts|current-context)|rollout (?:status|history))/;
const dockerReads =
  /^(?:(?:container |image |volume |network |compose )?(?:ps|ls|list|logs|inspect|images|stats|top|port|version|info|events|history|diff|search|config)|system (?:df|info))\b/;
const dockerGroups =
  /^(?:container|image|volume|network|compose|system|builder|buildx|context|swarm|service|stack|node|secret|config|plugin|manifest|trust|pod|machine)$/;
const kubernetesGroups =
  /^(?:rollout|config|auth|certificate|set|create|delete|get|describe|scale|label|annotate|edit|patch|expose|autoscale|cluster-info|plugin|top)$/;
const packageReads =
  /^(?:list|search|show|info|policy|depends|rdepends|madison|check|check-update|changelog|provides|repolist|repoinfo|history|--version|outdated|view|why|freeze|version|audit|download)\b/;

const systemctlSub = sub(
  1,
  '-H --host -M --machine -t --type --state -p --property -n --lines -o --output -s --signal --what --root --image --job-mode -P',
  /^(?:status|show|cat|list-[\w-]+|is-[\w-]+|get-default|help|show-environment|--version|list)$/,
  [
    [
      /^(?:poweroff|reboot|halt|kexec|suspend|hibernate|hybrid-sleep|rescue|emergency|exit|switch-root|soft-reboot|isolate|default)$/,
      'system-control',
    ],
    [/^(?:poweroff|reboot|halt|kexec)$/, 'destructive'],
    [/^kill$/, 'process-control'],
    [/^edit$/, 'interactive'],
  ],
);

export const subcommands: Readonly<Record<string, Subcommands>> = {
  systemctl: systemctlSub,
  service: { ...sub(1, '', /^(?:status|--status-all)$/), isReversed: true },
  'invoke-rc.d': { ...sub(1, '', /^status$/), isReversed: true },
  'rc-service': { ...sub(1, '', /^(?:status|describe)$/), isReversed: true },
  supervisorctl: sub(1, '-c -s -u -p -r', /^(?:status|tail|pid|avail|version|help|maintail)$/),
  pm2: sub(1, '', /^(?:list|ls|status|logs|show|info|describe|monit|prettylist)$/),
  git: sub(
    1,
    '-c -C --git-dir --work-tree --namespace --exec-path --super-prefix --config-env',
    /^(?:status|log|diff|show|blame|branch|tag|remote|rev-parse|describe|ls-files|ls-tree|ls-remote|cat-file|grep|shortlog|reflog|rev-list|name-rev|config|version|help|whatchanged|merge-base|stash list|for-each-ref|count-objects|fsck|check-ignore|var)$/,
    [
      [/^(?:push|pull|fetch|clone|ls-remote|remote)$/, 'network'],
      [/^(?:clean|rm|gc|prune)$/, 'delete'],
      [
        /^(?:push|pull|fetch|clone|merge|rebase|commit|reset|checkout|switch|restore|add|mv|am|apply|cherry-pick|revert|stash|init|worktree|submodule|tag|branch|config)$/,
        'write',
      ],
    ],
  ),
  docker: {
    ...sub(2, '-H --host -c --context --config -l --log-level -f --file -p --project-name', dockerReads, [
      [/\b(?:rm|rmi|prune|down|kill)$/, 'delete'],
      [/\b(?:exec|run)$/, 'execute'],
    ]),
    groups: dockerGroups,
  },
  podman: {
    ...sub(2, '--url --connection --identity --root --log-level -c', dockerReads, [
      [/\b(?:rm|rmi|prune|down|kill)$/, 'delete'],
      [/\b(?:exec|run)$/, 'execute'],
    ]),
    groups: dockerGroups,
  },
  nerdctl: {
    ...sub(2, '-n --namespace -a --address', dockerReads, [[/\b(?:rm|rmi|prune)$/, 'delete']]),
    groups: dockerGroups,
  },
  'docker-compose': sub(1, '-f --file -p --project-name --profile --env-file', dockerReads, [
    [/^(?:rm|down|kill)$/, 'delete'],
  ]),
  crictl: sub(1, '-r --runtime-endpoint -c', dockerReads),
  kubectl: {
    ...sub(
      2,
      '-n --namespace --context --cluster --kubeconfig --user -s --server --token --as --as-group --request-timeout -v --cache-dir -l --selector -o --output -f --filename',
      kubernetesReads,
      [
        [/^delete|^drain|^evict/, 'delete'],
        [/^(?:exec|run|debug|attach|cp)/, 'execute'],
      ],
    ),
    groups: kubernetesGroups,
  },

  oc: {
    ...sub(2, '-n --namespace --context --kubeconfig -s --server --token --as', kubernetesReads, [
      [/^delete/, 'delete'],
    ]),
    groups: kubernetesGroups,
  },
  helm: {
    ...sub(
      2,
      '-n --namespace --kube-context --kubeconfig',
      /^(?:list|ls|status|history|get|show|search|version|env|template|lint|repo list)/,
      [[/^(?:uninstall|delete|del)/, 'delete']],
    ),
    groups: /^(?:repo|get|show|plugin|dependency|registry|search)$/,
  },

  apt: sub(1, '-o --option -c --config-file -t --target-release -a', packageReads, [
    [/^(?:remove|purge|autoremove|autopurge)/, 'delete'],
  ]),
  'apt-get': sub(1, '-o --option -c --config-file -t --target-release -a', packageReads, [
    [/^(?:remove|purge|autoremove|autopurge)/, 'delete'],
  ]),
  aptitude: sub(1, '-o -t -F -w', packageReads, [[/^(?:remove|purge)/, 'delete']]),
  yum: sub(1, '-c --enablerepo --disablerepo -x --exclude', packageReads, [[/^(?:remove|erase|autoremove)/, 'delete']]),
  dnf: sub(1, '-c --enablerepo --disablerepo -x --exclude', packageReads, [[/^(?:remove|erase|autoremove)/, 'delete']]),
  zypper: sub(1, '', packageReads, [[/^(?:remove|rm)/, 'delete']]),
  apk: sub(1, '', packageReads, [[/^del/, 'delete']]),
  snap: sub(1, '', packageReads, [[/^remove/, 'delete']]),
  flatpak: sub(1, '', packageReads),
  brew: sub(1, '', packageReads),
  npm: sub(1, '--prefix -C', packageReads),
  yarn: sub(1, '', packageReads),
  pnpm: sub(1, '', packageReads),
  pip: sub(1, '', packageReads, [[/^uninstall/, 'delete']]),
  pip3: sub(1, '', packageReads, [[/^uninstall/, 'delete']]),
  gem: sub(1, '', packageReads),
  cargo: sub(1, '', null),
  go: sub(1, '-C', /^(?:version|env|list|doc|vet)$/),
  ip: sub(2, '-n -netns -f -family -l -rc', /^(?:\w+ (?:show|list|ls|get|lst|sh|s|l)|\w+)$/, [
    [/ (?:add|del|delete|set|flush|change|replace|append|up|down|exec)$/, 'firewall'],
  ]),
  nft: sub(2, '-f -I', /^list /, [[/^(?:flush|delete|destroy)/, 'destructive']]),
  ufw: sub(1, '', /^(?:status|show|version)$/, [[/^(?:disable|reset)$/, 'destructive']]),
  nmcli: sub(2, '-f -m -c -w -g', /^(?:general status|\w+ (?:show|status|list)|g|d|c)$/),
  timedatectl: sub(1, '-H -M', /^(?:status|show|list-timezones|timesync-status)?$/),
  hostnamectl: sub(1, '-H -M', /^(?:status|show)?$/),
  localectl: sub(1, '-H -M', /^(?:status|list-\w+)?$/),
  loginctl: sub(1, '-H -M -p', /^(?:list-\w+|\w+-status|show-\w+)?$/, [[/^(?:kill|terminate)-/, 'process-control']]),
  machinectl: sub(1, '-H -M', /^(?:list\S*|status|show)$/),
  virsh: sub(1, '-c --connect', /^(?:list|dominfo|domstate|net-list|pool-list|vol-list|version|nodeinfo|dumpxml)$/, [
    [/^(?:destroy|undefine)/, 'destructive'],
  ]),
  zfs: sub(1, '', /^(?:list|get|version|diff)$/, [[/^(?:destroy|rollback)$/, 'destructive']]),
  zpool: sub(1, '', /^(?:list|status|get|iostat|history|version|events)$/, [
    [/^(?:destroy|labelclear)$/, 'destructive'],
  ]),
  btrfs: sub(2, '', /(?:show|list|df|usage|stats|status)$/, [[/delete$/, 'destructive']]),
  terraform: sub(1, '', /^(?:plan|show|output|validate|version|providers|fmt|graph|state|workspace)$/, [
    [/^destroy$/, 'destructive'],
  ]),
  tofu: sub(1, '', /^(?:plan|show|output|validate|version)$/, [[/^destroy$/, 'destructive']]),
  vault: sub(1, '', /^(?:read|list|status|version)$/),
  consul: sub(1, '', /^(?:members|info|version|catalog)$/),
  etcdctl: sub(1, '--endpoints --cacert --cert --key', /^(?:get|endpoint|member|version|check)$/, [
    [/^del$/, 'delete'],
  ]),
  aws: sub(2, '--profile --region --output --query --endpoint-url', /^\w[\w-]* (?:describe|list|get|ls|head)\b[\w-]*/, [
    [/ (?:delete|terminate|rm|rb|remove)\b/, 'delete'],
  ]),
  gcloud: sub(3, '--project --zone --region --format --account', /(?:list|describe)$/, [[/ delete$/, 'delete']]),
  az: sub(3, '-g --resource-group -o --output -n --name --subscription', /(?:list|show)$/, [[/ delete$/, 'delete']]),
  openssl: sub(1, '', /^(?:version|x509|verify|dgst|ciphers|asn1parse)$/, [[/^s_/, 'network']]),
  rabbitmqctl: sub(1, '-n -t -p', /^(?:list_\w+|status|cluster_status|report|environment|ping)$/),
  'redis-cli': sub(
    1,
    '-h -p -a -n -u --user --pass -s',
    /^(?:get|mget|keys|scan|info|ping|ttl|type|exists|llen|lrange|hget|hgetall|smembers|dbsize|--version|monitor|slowlog|memory|strlen|zrange)$/i,
    [
      [/^flush(?:all|db)$/i, 'destructive'],
      [/^shutdown$/i, 'service-control'],
    ],
  ),
  mysqladmin: sub(1, '-u -h -P -S', /^(?:status|ping|processlist|extended-status|variables|version)$/, [
    [/^(?:drop|flush.*)$/, 'destructive'],
    [/^shutdown$/, 'service-control'],
  ]),
  'update-rc.d': { ...sub(1, ''), isReversed: true },
  chkconfig: { ...sub(1, '', /^--list$/), isReversed: true },
  'firewall-cmd': sub(1, '--zone', /^--(?:state|list-\S*|get-\S*|query-\S*|info-\S*)$/),
  lxc: sub(1, '', /^(?:list|info|ls|version)$/, [[/^delete$/, 'delete']]),
  vagrant: sub(1, '', /^(?:status|global-status|version)$/, [[/^destroy$/, 'destructive']]),
  svn: sub(1, '', /^(?:log|info|status|diff|cat|list|ls|blame)$/),
  hg: sub(1, '', /^(?:log|status|diff|cat|summary)$/),
  mdadm: sub(1, '', /^(?:--detail|-D|--examine|-E|--query|-Q)$/, [
    [/^--(?:zero-superblock|fail|remove|stop)$/, 'destructive'],
  ]),
  netplan: sub(1, '', /^(?:get|status|info)$/),
  resolvectl: sub(1, '', /^(?:status|query|statistics)?$/),
  networkctl: sub(1, '', /^(?:status|list)?$/),
  wg: sub(1, '', /^(?:show|showconf)?$/),
  'fail2ban-client': sub(1, '', /^(?:status|ping|version)$/),
  sysctl: sub(0, ''),
};

/** Programs whose options are the verbs that rules name: `iptables -F`, `crontab -r`. */
export const optionVerbs: Readonly<Record<string, RegExp>> = {
  iptables: /^(?:-[ADIRLSFZNXPEC]|--(?:append|delete|insert|replace|list|flush|zero|new-chain|delete-chain|policy))$/,
  ip6tables: /^(?:-[ADIRLSFZNXPEC]|--(?:append|delete|insert|replace|list|flush|zero|new-chain|delete-chain|policy))$/,
  ipset: /^\w+$/,
  crontab: /^-[erl]$/,
  dpkg: /^(?:-[irPlLsS]|--(?:install|remove|purge|list|configure|unpack|status))$/,
  rpm: /^-\w+$/,
  pacman: /^-\w+$/,
  history: /^-[cwadr]$/,
  swapoff: /^-a$/,
  kill: /^-\w+$/,
  'ssh-keygen': /^-[RtFlfA]$/,
  journalctl: /^--(?:vacuum-\w+|rotate|flush)(?:=.*)?$/,
  passwd: /^-[dlue]$/,
  date: /^(?:-s|--set.*)$/,
};
