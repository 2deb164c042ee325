package dev.anser.checkpoint;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/// Reads a zip's table of contents (zip64 included) and says where each stored record's bytes stand
/// in the file.
///
/// The central directory is the truth; each local header must agree with it, and no two records may
/// share bytes. Checksums are not compared: they would touch every byte of a large model, and
/// PyTorch can be told to leave them out.
final class ZipDirectory {
    static final int LOCAL = 0x04034b50;
    static final int CENTRAL = 0x02014b50;
    static final int END = 0x06054b50;
    static final int END64 = 0x06064b50;
    static final int END64_LOCATOR = 0x07064b50;
    private static final int END_BYTES = 22;
    private static final int CENTRAL_BYTES = 46;
    private static final int LOCAL_BYTES = 30;
    private static final int MAX_RECORDS = 2 * FileBytes.MAX_TENSORS;

    /// One record.
    ///
    /// @param name its path in the zip
    /// @param offset where its bytes begin in the file
    /// @param size how many bytes it has, uncompressed
    /// @param stored whether the bytes stand in the file as they are
    record Item(String name, long offset, long size, boolean stored) {}

    private record Located(Item item, long localHeader, long end) {}

    private record Extent(long offset, long size, long records, long endsBefore) {}

    private final FileBytes file;

    private ZipDirectory(FileBytes file) {
        this.file = file;
    }

    /// Whether the file begins as a zip does.
    static boolean startsZip(FileBytes file) {
        if (file.size() < 4) {
            return false;
        }
        int magic = file.i32(0, "the magic number");
        return magic == LOCAL || magic == END;
    }

    /// The records by name, in the directory's order.
    static SequencedMap<String, Item> read(FileBytes file) {
        return new ZipDirectory(file).read();
    }

    private SequencedMap<String, Item> read() {
        Extent directory = locate();
        if (directory.records() > MAX_RECORDS
                || directory.records() * CENTRAL_BYTES > directory.size()) {
            throw file.error(
                    "the zip directory claims "
                            + directory.records()
                            + " records in "
                            + directory.size()
                            + " bytes (at most "
                            + MAX_RECORDS
                            + " are read); the file is damaged");
        }
        SequencedMap<String, Item> items = new LinkedHashMap<>();
        List<Located> located = new ArrayList<>();
        long end = directory.offset() + directory.size();
        long position = directory.offset();
        for (long i = 0; i < directory.records(); i++) {
            position = readRecord(position, end, directory.offset(), items, located);
        }
        if (position != end) {
            throw file.error(
                    "the zip directory has "
                            + (end - position)
                            + " bytes more than its records; the file is damaged");
        }
        located.sort(Comparator.comparingLong(Located::localHeader));
        long free = 0;
        for (Located record : located) {
            if (record.localHeader() < free) {
                throw file.error(
                        "zip record "
                                + FileBytes.quote(record.item().name())
                                + " at offset "
                                + record.localHeader()
                                + " overlaps the one before it");
            }
            free = record.end();
        }
        return items;
    }

    private Extent locate() {
        long size = file.size();
        long lowest = Math.max(0, size - END_BYTES - 0xffff);
        long end = -1;
        for (long at = size - END_BYTES; at >= lowest; at--) {
            if (file.i32(at, "the zip end record") == END
                    && at + END_BYTES + file.u16(at + 20, "the zip end record") == size) {
                end = at;
                break;
            }
        }
        if (end < 0) {
            throw file.error(
                    "has no zip directory at its end; the file is truncated, download it again");
        }
        String what = "the zip end record";
        long disks = file.u32(end + 4, what);
        long records = file.u16(end + 10, what);
        boolean sameRecords = file.u16(end + 8, what) == records;
        long directorySize = file.u32(end + 12, what);
        long offset = file.u32(end + 16, what);
        long endsBefore = end;
        boolean zip64 = end >= 20 && file.i32(end - 20, "the zip64 locator") == END64_LOCATOR;
        if (zip64) {
            what = "the zip64 end record";
            long end64 = file.i64(end - 20 + 8, "the zip64 locator");
            file.check(end64, 56, what);
            if (end64 > end - 20 - 56 || file.i32(end64, what) != END64) {
                throw file.error(
                        "the zip64 locator points to offset " + end64 + ", not to " + what);
            }
            disks = file.i64(end64 + 16, what);
            records = file.i64(end64 + 32, what);
            sameRecords = file.i64(end64 + 24, what) == records;
            directorySize = file.i64(end64 + 40, what);
            offset = file.i64(end64 + 48, what);
            endsBefore = end64;
        }
        if (disks != 0 || !sameRecords || records < 0) {
            throw file.error("is one part of a zip in several files; join them first");
        }
        if (offset < 0
                || directorySize < 0
                || offset > endsBefore
                || directorySize != endsBefore - offset) {
            throw file.error(
                    "the zip directory claims "
                            + directorySize
                            + " bytes at offset "
                            + offset
                            + ", expected it to end at "
                            + endsBefore
                            + "; the file is damaged");
        }
        return new Extent(offset, directorySize, records, endsBefore);
    }

    private long readRecord(
            long at,
            long directoryEnd,
            long dataEnd,
            SequencedMap<String, Item> items,
            List<Located> located) {
        String what = "the zip directory entry at offset " + at;
        if (at > directoryEnd - CENTRAL_BYTES || file.i32(at, what) != CENTRAL) {
            throw file.error(what + " is missing; the file is damaged");
        }
        int flags = file.u16(at + 8, what);
        int method = file.u16(at + 10, what);
        long packed = file.u32(at + 20, what);
        long size = file.u32(at + 24, what);
        int nameBytes = file.u16(at + 28, what);
        int extraBytes = file.u16(at + 30, what);
        int commentBytes = file.u16(at + 32, what);
        long local = file.u32(at + 42, what);
        long next = at + CENTRAL_BYTES + nameBytes + extraBytes + commentBytes;
        if (next > directoryEnd) {
            throw file.error(what + " leaves the directory; the file is damaged");
        }
        if (nameBytes == 0 || nameBytes > FileBytes.MAX_NAME_BYTES) {
            throw file.error(
                    what
                            + " has a name of "
                            + nameBytes
                            + " bytes, expected 1 to "
                            + FileBytes.MAX_NAME_BYTES);
        }
        String name = file.utf8(at + CENTRAL_BYTES, nameBytes, "a zip record's name");
        String record = "zip record " + FileBytes.quote(name);
        if ((flags & 1) != 0) {
            throw file.error(record + " is encrypted; decrypt the file first");
        }
        if (size == 0xffff_ffffL || packed == 0xffff_ffffL || local == 0xffff_ffffL) {
            long field = zip64Field(at + CENTRAL_BYTES + nameBytes, extraBytes, record);
            long fieldEnd = field + 4 + file.u16(field + 2, record);
            long value = field + 4;
            int wide = (size == 0xffff_ffffL ? 8 : 0) + (packed == 0xffff_ffffL ? 8 : 0);
            if (value + wide + (local == 0xffff_ffffL ? 8 : 0) > fieldEnd) {
                throw file.error(record + " has a zip64 field that is too short");
            }
            if (size == 0xffff_ffffL) {
                size = file.i64(value, record);
                value += 8;
            }
            if (packed == 0xffff_ffffL) {
                packed = file.i64(value, record);
                value += 8;
            }
            if (local == 0xffff_ffffL) {
                local = file.i64(value, record);
            }
        }
        Located found = locate(name, record, method, flags, packed, size, local, dataEnd);
        if (items.putIfAbsent(name, found.item()) != null) {
            throw file.error(record + " comes twice");
        }
        located.add(found);
        return next;
    }

    private long zip64Field(long start, int extraBytes, String record) {
        long at = start;
        long end = start + extraBytes;
        while (at + 4 <= end) {
            if (file.u16(at, record) == 1 && at + 4 + file.u16(at + 2, record) <= end) {
                return at;
            }
            at += 4 + file.u16(at + 2, record);
        }
        throw file.error(record + " needs a zip64 field and has none");
    }

    private Located locate(
            String name,
            String record,
            int method,
            int flags,
            long packed,
            long size,
            long local,
            long dataEnd) {
        if (local < 0 || local > dataEnd - LOCAL_BYTES || file.i32(local, record) != LOCAL) {
            throw file.error(record + " has no header at offset " + local);
        }
        int nameBytes = file.u16(local + 26, record);
        int localFlags = file.u16(local + 6, record);
        boolean sizesFollow = (flags & 8) != 0;
        long localPacked = file.u32(local + 18, record);
        long localSize = file.u32(local + 22, record);
        boolean agree =
                file.u16(local + 8, record) == method
                        && (localFlags & 9) == (flags & 9)
                        && (sizesFollow || (agrees(localPacked, packed) && agrees(localSize, size)))
                        && nameBytes <= FileBytes.MAX_NAME_BYTES
                        && file.utf8(local + LOCAL_BYTES, nameBytes, record).equals(name);
        if (!agree) {
            throw file.error(
                    record
                            + " disagrees with its header at offset "
                            + local
                            + "; the file is damaged or forged");
        }
        long data = local + LOCAL_BYTES + nameBytes + file.u16(local + 28, record);
        boolean stored = method == 0;
        if (size < 0 || packed < 0 || (stored && packed != size)) {
            throw file.error(record + " is stored, but has sizes " + packed + " and " + size);
        }
        if (data > dataEnd || packed > dataEnd - data) {
            throw file.error(
                    record
                            + " claims "
                            + packed
                            + " bytes at offset "
                            + data
                            + ", but the records end at "
                            + dataEnd);
        }
        return new Located(new Item(name, data, size, stored), local, data + packed);
    }

    private static boolean agrees(long local, long central) {
        return local == central || local == 0xffff_ffffL;
    }
}
