package rooms;

import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Writes a day of a room down for people. */
public final class Agenda {
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("EEEE, d MMMM uuuu", Locale.ENGLISH);
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm");

    private final RoomStore store;

    public Agenda(RoomStore store) {
        this.store = store;
    }

    /** One line for the day, then one a booking. */
    public List<String> of(Room room, LocalDate day) {
        List<String> lines = new ArrayList<>();
        lines.add(room.name() + ", " + DAY.format(day));
        for (Booking booking : store.bookingsOn(room, day)) {
            Interval time = booking.time();
            lines.add(TIME.format(time.start()) + "-" + TIME.format(time.end()) + " " + booking.who());
        }
        if (lines.size() == 1) {
            lines.add("free all day");
        }
        return lines;
    }
}
