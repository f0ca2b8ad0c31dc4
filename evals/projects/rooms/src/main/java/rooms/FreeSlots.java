package rooms;

import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.List;

/** Finds gaps between bookings. */
public final class FreeSlots {
    private final RoomStore store;
    private final LocalTime opens;
    private final LocalTime closes;

    public FreeSlots(RoomStore store, LocalTime opens, LocalTime closes) {
        this.store = store;
        this.opens = opens;
        this.closes = closes;
    }

    /** Gaps of at least that length on a day, in order. */
    public List<Interval> on(Room room, LocalDate day, Duration atLeast) {
        List<Interval> gaps = new ArrayList<>();
        LocalDateTime from = day.atTime(opens);
        LocalDateTime end = day.atTime(closes);
        for (Booking booking : store.bookingsOn(room, day)) {
            addGap(gaps, from, min(booking.time().start(), end), atLeast);
            from = max(from, booking.time().end());
        }
        addGap(gaps, from, end, atLeast);
        return gaps;
    }

    private static void addGap(List<Interval> gaps, LocalDateTime from, LocalDateTime to, Duration atLeast) {
        if (from.isBefore(to) && Duration.between(from, to).compareTo(atLeast) >= 0) {
            gaps.add(new Interval(from, to));
        }
    }

    private static LocalDateTime min(LocalDateTime a, LocalDateTime b) {
        return a.isBefore(b) ? a : b;
    }

    private static LocalDateTime max(LocalDateTime a, LocalDateTime b) {
        return a.isAfter(b) ? a : b;
    }
}
