// Every attack on the runner, one file each. A new one is added here.
import type { RunnerAttack } from "../testing/attack-target.ts";
import { argumentHighWords } from "./argument-high-words.attack.ts";
import { cancelInSetUp } from "./cancel-in-set-up.attack.ts";
import { changedInFlight } from "./changed-in-flight.attack.ts";
import { closedFolders } from "./closed-folders.attack.ts";
import { controlGroups } from "./control-groups.attack.ts";
import { diskFill } from "./disk-fill.attack.ts";
import { egressDirect } from "./egress-direct.attack.ts";
import { egressDns } from "./egress-dns.attack.ts";
import { egressHostHeader } from "./egress-host-header.attack.ts";
import { egressInsideNames } from "./egress-inside-names.attack.ts";
import { egressNestedTunnel } from "./egress-nested-tunnel.attack.ts";
import { egressOtherPorts } from "./egress-other-ports.attack.ts";
import { egressRebinding } from "./egress-rebinding.attack.ts";
import { egressRedirect } from "./egress-redirect.attack.ts";
import { egressServerName } from "./egress-server-name.attack.ts";
import { egressSmuggling } from "./egress-smuggling.attack.ts";
import { egressSpellings } from "./egress-spellings.attack.ts";
import { egressUpgrade } from "./egress-upgrade.attack.ts";
import { egressWrites } from "./egress-writes.attack.ts";
import { endlessDaemon } from "./endless-daemon.attack.ts";
import { endlessRun } from "./endless-run.attack.ts";
import { environmentLeak } from "./environment-leak.attack.ts";
import { foldedNames } from "./folded-names.attack.ts";
import { forbiddenCalls } from "./forbidden-calls.attack.ts";
import { foreignCallTable } from "./foreign-call-table.attack.ts";
import { foreignWorkspace } from "./foreign-workspace.attack.ts";
import { forgedBoxFailure } from "./forged-box-failure.attack.ts";
import { forgedResultLines } from "./forged-result-lines.attack.ts";
import { forgedTestReport } from "./forged-test-report.attack.ts";
import { forkBomb } from "./fork-bomb.attack.ts";
import { hardLinks } from "./hard-links.attack.ts";
import { hiddenByIgnore } from "./hidden-by-ignore.attack.ts";
import { hostFiles } from "./host-files.attack.ts";
import { hostFolders } from "./host-folders.attack.ts";
import { hostLoopback } from "./host-loopback.attack.ts";
import { identity } from "./identity.attack.ts";
import { inodeFlood } from "./inode-flood.attack.ts";
import { killBystander } from "./kill-bystander.attack.ts";
import { leftBehind } from "./left-behind.attack.ts";
import { linkRace } from "./link-race.attack.ts";
import { linksOut } from "./links-out.attack.ts";
import { memoryHog } from "./memory-hog.attack.ts";
import { newNamespaces } from "./new-namespaces.attack.ts";
import { openDescriptors } from "./open-descriptors.attack.ts";
import { optionNames } from "./option-names.attack.ts";
import { outputFlood } from "./output-flood.attack.ts";
import { pathArguments } from "./path-arguments.attack.ts";
import { plantedRepository } from "./planted-repository.attack.ts";
import { procPathArguments } from "./proc-path-arguments.attack.ts";
import { procRoot } from "./proc-root.attack.ts";
import { protectedFiles } from "./protected-files.attack.ts";
import { reusedInvocation } from "./reused-invocation.attack.ts";
import { routes } from "./routes.attack.ts";
import { setuidProgram } from "./setuid-program.attack.ts";
import { socketFamilies } from "./socket-families.attack.ts";
import { specialFiles } from "./special-files.attack.ts";
import { starvedNeighbour } from "./starved-neighbour.attack.ts";
import { swappedGrants } from "./swapped-grants.attack.ts";
import { systemFolders } from "./system-folders.attack.ts";
import { terminalInjection } from "./terminal-injection.attack.ts";
import { treeFill } from "./tree-fill.attack.ts";
import { unixSockets } from "./unix-sockets.attack.ts";
import { waitingFiles } from "./waiting-files.attack.ts";
import { writablePlaces } from "./writable-places.attack.ts";

/** Against the runner itself: no program is started. */
export const hostAttacks: readonly RunnerAttack[] = [
  changedInFlight,
  foldedNames,
  foreignWorkspace,
  linkRace,
  optionNames,
  pathArguments,
  procPathArguments,
  reusedInvocation,
  swappedGrants,
  waitingFiles,
];

/** Against a driver: a program in a box. */
export const boxAttacks: readonly RunnerAttack[] = [
  argumentHighWords,
  cancelInSetUp,
  closedFolders,
  controlGroups,
  diskFill,
  egressDirect,
  egressDns,
  egressHostHeader,
  egressInsideNames,
  egressNestedTunnel,
  egressOtherPorts,
  egressRebinding,
  egressRedirect,
  egressServerName,
  egressSmuggling,
  egressSpellings,
  egressUpgrade,
  egressWrites,
  endlessDaemon,
  endlessRun,
  environmentLeak,
  forbiddenCalls,
  foreignCallTable,
  forgedBoxFailure,
  forgedResultLines,
  forgedTestReport,
  forkBomb,
  hardLinks,
  hiddenByIgnore,
  hostFiles,
  hostFolders,
  hostLoopback,
  identity,
  inodeFlood,
  killBystander,
  leftBehind,
  linksOut,
  memoryHog,
  newNamespaces,
  openDescriptors,
  outputFlood,
  plantedRepository,
  procRoot,
  protectedFiles,
  routes,
  setuidProgram,
  socketFamilies,
  specialFiles,
  starvedNeighbour,
  systemFolders,
  terminalInjection,
  treeFill,
  unixSockets,
  writablePlaces,
];
