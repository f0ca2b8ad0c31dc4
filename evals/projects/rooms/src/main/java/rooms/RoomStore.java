package rooms;

import java.time.LocalDate;
import java.util.Collection;
import java.util.List;
import java.util.Optional;

/** Keeps rooms and bookings. */
public interface RoomStore {
    void addRoom(Room room);

    Collection<Room> rooms();

    Optional<Room> room(String name);

    /** Adds a booking, or replaces the one with the same id. */
    void put(Booking booking);

    boolean remove(String id);

    Optional<Booking> booking(String id);

    /** Bookings of a room that touch a day, by time. */
    List<Booking> bookingsOn(Room room, LocalDate day);
}
