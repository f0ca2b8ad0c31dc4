package rooms;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static rooms.Times.at;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class IntervalTest {
    @Test
    void overlapsWhenTheyShareTime() {
        assertTrue(at("09:00", "10:00").overlaps(at("09:30", "11:00")));
        assertTrue(at("09:00", "12:00").overlaps(at("10:00", "11:00")));
    }

    @Test
    void neighboursDoNotOverlap() {
        assertFalse(at("09:00", "10:00").overlaps(at("10:00", "11:00")));
    }

    @Test
    void contains() {
        assertTrue(at("09:00", "12:00").contains(at("09:00", "12:00")));
        assertFalse(at("09:00", "12:00").contains(at("08:59", "10:00")));
    }

    @Test
    void endsAfterItStarts() {
        assertThrows(IllegalArgumentException.class, () -> at("10:00", "10:00"));
    }

    @Test
    void length() {
        assertEquals(Duration.ofMinutes(90), at("09:00", "10:30").length());
    }
}
