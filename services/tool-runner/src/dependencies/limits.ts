// Named limits of installed dependencies.

export const dependencyLimits = {
  /** Folders a working tree is given; each is a mount, and a box starts more slowly with each. */
  maxFolders: 128,
  /** Folders of the project that are looked into for installed dependencies. */
  maxProjects: 1_000,
  /** Names in the path of such a folder. */
  maxDepth: 8,
  /** Links made in one folder; the largest hoisted trees have some thousands of packages. */
  maxEntries: 20_000,
  /** Links made for one run beside the mounts, three arguments each; bubblewrap takes 9,000 in all. */
  maxMirrorLinks: 2_000,
  /** Folders whose manifests are compared with the checkout before a run. */
  maxCompared: 32,
  maxManifestBytes: 1024 * 1024,
} as const;
