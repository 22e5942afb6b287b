//! Tells file systems of this machine from those of others, which send no events and keep no locks.

use std::io;
use std::path::Path;

/// Where a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filesystem {
    /// On this machine.
    Local,
    /// Elsewhere, or behind a program: changes made by others are not announced.
    Remote(&'static str),
}

/// Magic numbers of `statfs(2)`, from the kernel's `include/uapi/linux/magic.h` and the file systems' own sources.
const REMOTE: [(u32, &str); 17] = [
    (0x0000_6969, "NFS"),
    (0x0000_517B, "SMB"),
    (0xFE53_4D42, "SMB"),
    (0xFF53_4D42, "SMB"),
    (0x6573_5546, "FUSE"),
    (0x0102_1997, "9p"),
    (0x00C3_6400, "Ceph"),
    (0x5346_414F, "AFS"),
    (0x6B41_4653, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0000_564C, "NetWare"),
    (0x0116_1970, "GFS2"),
    (0x7461_636F, "OCFS2"),
    (0x0BD0_0BD0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x786F_4256, "VirtualBox"),
    (0xBACB_ACBC, "VMware"),
];

/// Returns where the file system is that holds `path`.
pub fn of(path: &Path) -> io::Result<Filesystem> {
    let statfs = rustix::fs::statfs(path)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "magic numbers have 32 bits")]
    Ok(by_magic(statfs.f_type as u32))
}

fn by_magic(magic: u32) -> Filesystem {
    match REMOTE.iter().find(|(known, _)| *known == magic) {
        Some((_, name)) => Filesystem::Remote(name),
        None => Filesystem::Local,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        let cases = [
            (0x6969, Filesystem::Remote("NFS")),
            (0xFF53_4D42, Filesystem::Remote("SMB")),
            (0x6573_5546, Filesystem::Remote("FUSE")),
            (0xEF53, Filesystem::Local),      // ext4
            (0x5846_5342, Filesystem::Local), // xfs
            (0x0102_1994, Filesystem::Local), // tmpfs
        ];
        for (magic, expected) in cases {
            assert_eq!(by_magic(magic), expected, "{magic:#x}");
        }
    }

    #[test]
    fn a_temporary_folder_and_proc_are_local() {
        assert_eq!(of(&std::env::temp_dir()).expect("statfs"), Filesystem::Local);
        assert_eq!(of(Path::new("/proc")).expect("statfs"), Filesystem::Local);
    }
}
