package rooms;

import java.time.LocalDate;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A store that forgets everything when the program ends. */
public final class MemoryStore implements RoomStore {
    private final Map<String, Room> rooms = new LinkedHashMap<>();
    private final Map<String, Booking> bookings = new LinkedHashMap<>();

    @Override
    public void addRoom(Room room) {
        if (rooms.putIfAbsent(room.name(), room) != null) {
            throw new IllegalArgumentException("there is a room " + room.name() + " already");
        }
    }

    @Override
    public Collection<Room> rooms() {
        return List.copyOf(rooms.values());
    }

    @Override
    public Optional<Room> room(String name) {
        return Optional.ofNullable(rooms.get(name));
    }

    @Override
    public void put(Booking booking) {
        bookings.put(booking.id(), booking);
    }

    @Override
    public boolean remove(String id) {
        return bookings.remove(id) != null;
    }

    @Override
    public Optional<Booking> booking(String id) {
        return Optional.ofNullable(bookings.get(id));
    }

    @Override
    public List<Booking> bookingsOn(Room room, LocalDate day) {
        Interval wholeDay = new Interval(day.atStartOfDay(), day.plusDays(1).atStartOfDay());
        return bookings.values().stream()
                .filter(booking -> booking.room().equals(room))
                .filter(booking -> booking.time().overlaps(wholeDay))
                .sorted(Comparator.comparing(Booking::time))
                .toList();
    }
}
