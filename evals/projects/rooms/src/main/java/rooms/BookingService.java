package rooms;

import java.time.Duration;
import java.time.LocalDate;
import java.util.List;

/** The rules of booking. */
public final class BookingService {
    static final Duration LONGEST = Duration.ofHours(8);

    private final RoomStore store;
    private int lastNumber;

    public BookingService(RoomStore store) {
        this.store = store;
    }

    /** Books a room. */
    public Booking book(String roomName, Interval time, String who, int people) {
        Room room = store.room(roomName).orElseThrow(() -> new BookingRefused("there is no room " + roomName));
        if (people > room.seats()) {
            throw new BookingRefused(roomName + " has only " + room.seats() + " seats");
        }
        check(room, time, null);
        lastNumber += 1;
        Booking booking = new Booking("b" + lastNumber, room, time, who, people);
        store.put(booking);
        return booking;
    }

    /** Moves a booking to another time in the same room. */
    public Booking move(String id, Interval time) {
        Booking booking = store.booking(id).orElseThrow(() -> new BookingRefused("there is no booking " + id));
        check(booking.room(), time, id);
        Booking moved = booking.movedTo(time);
        store.put(moved);
        return moved;
    }

    public void cancel(String id) {
        if (!store.remove(id)) {
            throw new BookingRefused("there is no booking " + id);
        }
    }

    private void check(Room room, Interval time, String exceptId) {
        if (time.length().compareTo(LONGEST) > 0) {
            throw new BookingRefused("a booking lasts at most " + LONGEST.toHours() + " hours");
        }
        for (LocalDate day = time.start().toLocalDate(); !day.isAfter(time.end().toLocalDate()); day = day.plusDays(1)) {
            List<Booking> others = store.bookingsOn(room, day);
            for (Booking other : others) {
                if (!other.id().equals(exceptId) && other.time().overlaps(time)) {
                    throw new BookingRefused(room.name() + " is taken by " + other.who());
                }
            }
        }
    }
}
